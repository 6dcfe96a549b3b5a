import fc from 'fast-check';
import {
  ESCALATION_TRIGGERS,
  holdsFrom,
  judgeWatch,
  matchableBy,
  matches,
  type WatchedTask,
  type WatchRule,
  type WatchState,
} from './escalation.js';
import { TASK_STATUSES } from './task-states.js';

const at = (seconds: number) => new Date(seconds * 1_000);

const task = (fields: Partial<WatchedTask> = {}): WatchedTask => ({
  kind: 'task',
  status: 'blocked',
  statusSince: at(100),
  createdAt: at(0),
  dueTimes: [],
  failures: 0,
  lastFailedAt: null,
  lastError: null,
  approvalSince: null,
  matchable: {
    priority: ['urgent'],
    status: ['blocked'],
    capability: ['a', 'b'],
    tag: ['x'],
    agent: ['id-1', 'researcher'],
  },
  ...fields,
});

describe('a rule holds for a subject', () => {
  it.each([
    ['timeInStatus', 60, {}, at(160)],
    ['approvalPending', 60, {}, null],
    ['approvalPending', 60, { approvalSince: at(50) }, at(110)],
    ['sloConsumed', 75, {}, null],
    ['sloConsumed', 75, { dueTimes: [at(1_000), at(400)] }, at(300)],
    ['sloConsumed', 150, { dueTimes: [at(1_000)] }, at(1_500)],
    ['failedAttempts', 3, { failures: 2, lastFailedAt: at(7) }, null],
    ['failedAttempts', 3, { failures: 3, lastFailedAt: at(7) }, at(7)],
    ['failedAttempts', 3, { failures: 4, lastFailedAt: at(9), status: 'failed' }, at(9)],
    ['agentSilent', 3, {}, null],
    ['budgetConsumed', 3, {}, null],
  ] as const)('%s %d of %o: from %s', (trigger, threshold, fields, expected) => {
    expect(holdsFrom({ trigger, threshold, match: {} }, task(fields))).toEqual(expected);
  });

  it('of a pattern: while its last attempt failed with such an error', () => {
    const rule: WatchRule = {
      ...{ trigger: 'errorPattern', threshold: 0, match: {} },
      matchesError: (text) => text.includes('paper'),
    };
    expect(holdsFrom(rule, task({ lastError: 'out of paper', lastFailedAt: at(5) }))).toEqual(at(5));
    expect(holdsFrom(rule, task({ lastError: 'out of ink', lastFailedAt: at(5) }))).toBeNull();
    expect(holdsFrom(rule, task({ lastError: null, lastFailedAt: at(5) }))).toBeNull();
  });

  it('of agents and of budgets', () => {
    const agent = { kind: 'agent', lastSeenAt: at(10), matchable: { agent: ['a'] } } as const;
    expect(holdsFrom({ trigger: 'agentSilent', threshold: 30, match: {} }, agent)).toEqual(at(40));
    expect(holdsFrom({ trigger: 'agentSilent', threshold: 30, match: { agent: 'b' } }, agent)).toBeNull();
    expect(holdsFrom({ trigger: 'agentSilent', threshold: 30, match: {} }, { ...agent, lastSeenAt: null })).toBeNull();
    const budget = { kind: 'budget', consumedPercent: 80, at: at(5), matchable: {} } as const;
    expect(holdsFrom({ trigger: 'budgetConsumed', threshold: 80, match: {} }, budget)).toEqual(at(5));
    expect(holdsFrom({ trigger: 'budgetConsumed', threshold: 81, match: {} }, budget)).toBeNull();
  });

  it('that has ended only where it is about failures, or names the end', () => {
    for (const status of TASK_STATUSES) {
      for (const trigger of ['timeInStatus', 'failedAttempts'] as const) {
        const ended = task({ status, failures: 3, lastFailedAt: at(1), matchable: { status: [status] } });
        const isOver =
          status === 'done' || status === 'cancelled' || (status === 'failed' && trigger === 'timeInStatus');
        expect([status, trigger, holdsFrom({ trigger, threshold: 1, match: {} }, ended) === null]).toEqual([
          status,
          trigger,
          isOver,
        ]);
        expect(holdsFrom({ trigger, threshold: 1, match: { status } }, ended)).not.toBeNull();
      }
    }
  });

  it('when each field that is asked for has one of the values', () => {
    const { matchable } = task();
    expect(matches({}, matchable)).toBe(true);
    expect(matches({ priority: 'urgent', capability: ['z', 'b'], agent: 'researcher' }, matchable)).toBe(true);
    expect(matches({ priority: 'urgent', tag: 'y' }, matchable)).toBe(false);
    expect(matches({ priority: ['low', 'high'] }, matchable)).toBe(false);
    expect(matches({ capability: 'a' }, {})).toBe(false);
    for (const trigger of ESCALATION_TRIGGERS) expect(matchableBy(trigger)).toContain('agent');
  });
});

describe('a look at a watch', () => {
  const pace = { cooldownSeconds: 100, maxDepth: 3 };
  const fresh: WatchState = { depth: 0, cooldownUntil: null };

  it('waits for its time, fires at it, and leaves when there is nothing to wait for', () => {
    expect(judgeWatch(fresh, pace, at(50), at(40), () => true)).toMatchObject({ kind: 'leave', dueAt: at(50) });
    expect(judgeWatch(fresh, pace, at(50), at(50), () => true)).toMatchObject({
      kind: 'raise',
      level: 1,
      dueAt: at(150),
    });
    expect(judgeWatch(fresh, pace, null, at(50), () => true)).toEqual({ kind: 'leave', resolves: false, dueAt: null });
    expect(judgeWatch(fresh, pace, at(50), at(50), () => false)).toMatchObject({ kind: 'leave', resolves: false });
  });

  it('resolves what was raised when it no longer holds, and keeps the cooldown', () => {
    const raised = { depth: 2, cooldownUntil: at(150) };
    expect(judgeWatch(raised, pace, null, at(60), () => true)).toEqual({
      kind: 'leave',
      resolves: true,
      dueAt: at(150),
    });
    expect(judgeWatch(raised, pace, at(70), at(60), () => true)).toMatchObject({ resolves: true, dueAt: at(150) });
    expect(judgeWatch(raised, pace, null, at(160), () => true)).toEqual({ kind: 'leave', resolves: true, dueAt: null });
    expect(judgeWatch(raised, pace, at(10), at(160), () => false)).toMatchObject({ kind: 'leave', resolves: true });
  });

  it('never fires within a cooldown, never beyond its depth, and always says when to look again, whatever happens', () => {
    const happening = fc.record({
      afterSeconds: fc.integer({ min: 1, max: 200 }),
      from: fc.constantFrom<'past' | 'future' | 'never'>('past', 'past', 'past', 'future', 'never'),
      condition: fc.boolean(),
    });
    const paces = fc.record({
      cooldownSeconds: fc.integer({ min: 1, max: 300 }),
      maxDepth: fc.integer({ min: 1, max: 5 }),
    });
    fc.assert(
      fc.property(paces, fc.array(happening, { maxLength: 40 }), (own, happenings) => {
        let state = fresh;
        let clock = 1_000;
        let lastRaised = Number.NEGATIVE_INFINITY;
        for (const { afterSeconds, from, condition } of happenings) {
          clock += afterSeconds;
          const since = from === 'never' ? null : at(from === 'past' ? clock - 1 : clock + 30);
          const verdict = judgeWatch(state, own, since, at(clock), () => condition);
          if (verdict.kind === 'raise') {
            if (clock - lastRaised < own.cooldownSeconds) return false;
            if (verdict.level !== state.depth + 1 || verdict.level > own.maxDepth) return false;
            lastRaised = clock;
            state = { depth: verdict.level, cooldownUntil: verdict.cooldownUntil };
          } else if (verdict.kind === 'leave') {
            if (verdict.resolves !== state.depth > 0) return false;
            if (since !== null && verdict.dueAt === null) return false;
            state = { ...state, depth: 0 };
          } else if (verdict.dueAt <= at(clock)) return false;
          if (verdict.dueAt !== null && verdict.kind !== 'leave' && verdict.dueAt <= at(clock)) return false;
        }
        return true;
      }),
      { numRuns: 500 },
    );
  });
});
