import fc from 'fast-check';
import { TASK_STATUSES } from './task-states.js';
import { type WaitingAgent, type WaitingTask, why, WHY_REASONS } from './task-why.js';

const LATER = new Date('2030-01-01T12:00:00Z');
const SOONER = new Date('2030-01-01T06:00:00Z');

const task = (more: Partial<WaitingTask> = {}): WaitingTask => ({
  ...{ status: 'inbox', openDependencies: 0, approvalId: null, nextRetryAt: null, retryReason: null },
  ...{ blockerReason: null, requiredCapabilities: [] },
  ...more,
});
const agent = (more: Partial<WaitingAgent> = {}): WaitingAgent => ({
  ...{ capabilities: [], meets: true, refusal: null, until: null, connected: true },
  ...more,
});
const wanting = (...names: string[]) => task({ requiredCapabilities: names.map((name) => ({ name, minLevel: 3 })) });

const anyAgent: fc.Arbitrary<WaitingAgent> = fc.record({
  capabilities: fc.array(fc.record({ name: fc.constantFrom('a', 'b', 'c'), level: fc.integer({ min: 1, max: 5 }) }), {
    maxLength: 3,
  }),
  meets: fc.boolean(),
  refusal: fc.constantFrom(null, 'paused' as const, 'at_capacity' as const, 'quota' as const),
  until: fc.option(fc.constantFrom(SOONER, LATER)),
  connected: fc.boolean(),
});
const anyTask: fc.Arbitrary<WaitingTask> = fc.record({
  status: fc.constantFrom(...TASK_STATUSES),
  openDependencies: fc.integer({ min: 0, max: 2 }),
  approvalId: fc.option(fc.uuid()),
  nextRetryAt: fc.option(fc.constant(LATER)),
  retryReason: fc.constantFrom(null, 'backoff', 'quota', 'budget', 'replay'),
  blockerReason: fc.constant(null),
  requiredCapabilities: fc.array(
    fc.record({ name: fc.constantFrom('a', 'b', 'c'), minLevel: fc.integer({ min: 1, max: 5 }) }),
    { maxLength: 3 },
  ),
});

describe('why a task is not being worked on', () => {
  it('is always one of the named reasons, whatever the task and the agents are', () => {
    fc.assert(
      fc.property(anyTask, fc.array(anyAgent, { maxLength: 5 }), (one, agents) => {
        expect(WHY_REASONS).toContain(why(one, agents).reason);
      }),
    );
  });

  it('does not depend on the order in which agents are asked about', () => {
    fc.assert(
      fc.property(anyTask, fc.array(anyAgent, { maxLength: 5 }), (one, agents) => {
        const [here, there] = [why(one, agents), why(one, [...agents].reverse())];
        expect([there.reason, there.until]).toEqual([here.reason, here.until]);
      }),
    );
  });

  it('tells what the task waits for by itself before it tells what its agents do', () => {
    const waiting = { openDependencies: 1, approvalId: 'x', nextRetryAt: LATER, retryReason: 'backoff' };
    expect(why(task(waiting), []).reason).toBe('dependency');
    expect(why(task({ ...waiting, openDependencies: 0 }), []).reason).toBe('approval');
    expect(why(task({ nextRetryAt: LATER, retryReason: 'backoff' }), [])).toEqual({
      reason: 'retry_wait',
      until: LATER,
    });
    expect(why(task({ nextRetryAt: LATER, retryReason: 'quota' }), [])).toEqual({ reason: 'quota', until: LATER });
  });

  it('tells by the status alone what is not in the inbox', () => {
    const told = TASK_STATUSES.map((status) => [status, why(task({ status, openDependencies: 1 }), []).reason]);
    expect(Object.fromEntries(told)).toEqual({
      ...{ inbox: 'dependency', assigned: 'running', in_progress: 'running', blocked: 'approval', review: 'approval' },
      ...{ done: 'terminal', failed: 'terminal', cancelled: 'terminal' },
    });
  });

  it('names what no agent can do, at the level that is asked', () => {
    const novice = agent({ meets: false, capabilities: [{ name: 'french', level: 2 }] });
    expect(why(wanting('french'), [novice])).toEqual({
      reason: 'no_able_agent',
      missingCapabilities: [{ name: 'french', minLevel: 3 }],
    });
    expect(why(wanting('french'), [])).toMatchObject({ missingCapabilities: [{ name: 'french' }] });
    expect(why(task(), [])).toEqual({ reason: 'no_able_agent', missingCapabilities: [] });
  });

  it('names what the nearest agent lacks when each thing has somebody but nobody has all', () => {
    const has = (...names: string[]) =>
      agent({ meets: false, capabilities: names.map((name) => ({ name, level: 3 })) });
    const { missingCapabilities } = why(wanting('a', 'b', 'c'), [has('a'), has('b', 'c')]);
    expect(missingCapabilities).toEqual([{ name: 'a', minLevel: 3 }]);
  });

  it('takes a capability without a level for the highest', () => {
    const master = agent({ meets: false, capabilities: [{ name: 'a' }] });
    expect(why(wanting('a', 'b'), [master]).missingCapabilities).toEqual([{ name: 'b', minLevel: 3 }]);
  });

  it('ignores agents that are not able, however free they are', () => {
    const busy = agent({ refusal: 'at_capacity' });
    expect(why(task(), [agent({ meets: false }), busy]).reason).toBe('at_capacity');
  });

  it('prefers the reason of those who are there to that of those who are not', () => {
    const away = agent({ connected: false });
    expect(why(task(), [away]).reason).toBe('no_agent_connected');
    expect(why(task(), [away, agent({ refusal: 'at_capacity' })]).reason).toBe('at_capacity');
    expect(why(task(), [away, agent({ refusal: 'quota', until: SOONER })])).toEqual({ reason: 'quota', until: SOONER });
    expect(why(task(), [agent({ refusal: 'paused', connected: false })]).reason).toBe('paused');
  });

  it('says when the first of those it waits for is back, and nothing where nobody knows', () => {
    const [soon, late] = [agent({ refusal: 'quota', until: SOONER }), agent({ refusal: 'quota', until: LATER })];
    const paused = agent({ refusal: 'paused', until: new Date(0) });
    expect(why(task(), [late, paused, soon])).toEqual({ reason: 'quota', until: SOONER });
    expect(why(task(), [agent({ refusal: 'paused' })])).toEqual({ reason: 'paused' });
    expect(why(task(), [soon, agent({ refusal: 'at_capacity' })])).toEqual({ reason: 'at_capacity' });
  });
});
