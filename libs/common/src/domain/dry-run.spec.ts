import fc from 'fast-check';
import { type PastTask, wouldHold } from './dry-run.js';
import type { WatchedTask, WatchRule } from './escalation.js';
import type { TaskStatus } from './task-states.js';

const at = (seconds: number) => new Date(seconds * 1_000);
const END = 10_000;

const now: WatchedTask = {
  kind: 'task',
  status: 'inbox',
  statusSince: at(0),
  createdAt: at(0),
  dueTimes: [at(1_000)],
  failures: 0,
  lastFailedAt: null,
  lastError: null,
  approvalSince: null,
  matchable: {},
};
const past = (fields: Partial<PastTask>): PastTask => ({ now, moves: [], attempts: [], ...fields });
const blocked: WatchRule = { trigger: 'timeInStatus', threshold: 60, match: { status: 'blocked' } };
const held = (rule: WatchRule, task: PastTask, from = 0) => wouldHold(rule, task, at(from), at(END), () => true);

describe('a dry run', () => {
  it('finds each time a task was in a status for too long, once', () => {
    const moves = [
      { at: at(0), to: 'inbox' },
      { at: at(100), to: 'blocked' },
      { at: at(150), to: 'inbox' },
      { at: at(200), to: 'blocked' },
      { at: at(900), to: 'inbox' },
      { at: at(1_000), to: 'blocked' },
    ] as const;
    expect(held(blocked, past({ moves }))).toEqual([at(260), at(1_060)]);
    expect(held(blocked, past({ moves }), 500)).toEqual([at(1_060)]);
  });

  it('counts failures as they came', () => {
    const attempts = [10, 20, 30, 40].map((second) => ({ at: at(second), error: 'no paper', failed: true }));
    expect(held({ trigger: 'failedAttempts', threshold: 3, match: {} }, past({ attempts }))).toEqual([at(30)]);
    const rule: WatchRule = {
      ...{ trigger: 'errorPattern', threshold: 0, match: {} },
      matchesError: (text) => text.includes('paper'),
    };
    const mixed = [
      attempts[0]!,
      { at: at(15), error: null, failed: false },
      { at: at(18), error: 'no ink', failed: true },
      attempts[3]!,
    ];
    expect(held(rule, past({ attempts: mixed }))).toEqual([at(10), at(40)]);
  });

  it('finds when so much of the time was used up, unless it was done before', () => {
    const rule: WatchRule = { trigger: 'sloConsumed', threshold: 75, match: {} };
    expect(held(rule, past({}))).toEqual([at(750)]);
    expect(held(rule, past({ moves: [{ at: at(700), to: 'done' }] }))).toEqual([]);
  });

  it('asks the condition of the task as it was then', () => {
    const moves = [{ at: at(100), to: 'blocked' } as const];
    const seen: [TaskStatus, Date][] = [];
    const found = wouldHold(blocked, past({ moves }), at(0), at(END), (then, time) => {
      seen.push([then.status, time]);
      return false;
    });
    expect(found).toEqual([]);
    expect(seen).toEqual([['blocked', at(160)]]);
  });

  it('finds as many times as there are stays that are long enough, whatever the moves', () => {
    const stay = fc.record({
      seconds: fc.integer({ min: 1, max: 120 }),
      to: fc.constantFrom<TaskStatus>('inbox', 'blocked', 'in_progress'),
    });
    fc.assert(
      fc.property(fc.array(stay, { maxLength: 30 }), (stays) => {
        let clock = 0;
        const moves = stays.map(({ seconds, to }) => ({ at: at((clock += seconds)), to }));
        const expected = moves.flatMap((move, index) => {
          const end = moves[index + 1]?.at ?? at(END);
          const long = end.getTime() - move.at.getTime() > 60_000;
          return move.to === 'blocked' && long ? [new Date(move.at.getTime() + 60_000)] : [];
        });
        expect(held(blocked, past({ moves }))).toEqual(expected);
      }),
    );
  });
});
