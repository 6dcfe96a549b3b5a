import {
  allowedMoves,
  isTerminal,
  mayMove,
  missingFor,
  TASK_STATUSES,
  TRANSITIONS,
  type Mover,
} from './task-states.js';

const MOVERS: Mover[] = ['claim', 'worker', 'person', 'clock', 'replay'];

/** The picture of the table, drawn a second time by hand: from, who, where to. */
const PICTURE: Record<string, Partial<Record<Mover, string[]>>> = {
  inbox: { claim: ['assigned', 'in_progress'], person: ['blocked', 'cancelled'], clock: ['failed'] },
  assigned: {
    worker: ['inbox', 'in_progress', 'blocked', 'review', 'done', 'failed'],
    person: ['inbox', 'blocked', 'cancelled'],
    clock: ['inbox', 'failed'],
  },
  in_progress: {
    worker: ['inbox', 'blocked', 'review', 'done', 'failed'],
    person: ['inbox', 'blocked', 'review', 'done', 'failed', 'cancelled'],
    clock: ['inbox', 'failed'],
  },
  blocked: { person: ['inbox', 'failed', 'cancelled'], clock: ['failed'] },
  review: { person: ['inbox', 'blocked', 'done', 'failed', 'cancelled'], clock: ['failed'] },
  failed: { replay: ['inbox'] },
  done: {},
  cancelled: {},
};

describe('the moves of a task', () => {
  const edges = TASK_STATUSES.flatMap((from) => TASK_STATUSES.flatMap((to) => MOVERS.map((by) => ({ from, to, by }))));

  it.each(edges)('$from to $to by $by', ({ from, to, by }) => {
    expect(mayMove(from, to, by)).toBe(PICTURE[from]?.[by]?.includes(to) ?? false);
  });

  it('stands in the table once per pair of statuses', () => {
    const pairs = TRANSITIONS.map(({ from, to }) => `${from} ${to}`);
    expect(new Set(pairs).size).toBe(pairs.length);
  });

  it('leads nobody but a replay out of an end', () => {
    for (const status of TASK_STATUSES.filter(isTerminal)) expect(allowedMoves(status, 'person')).toEqual([]);
    expect(TASK_STATUSES.filter(isTerminal)).toEqual(['done', 'failed', 'cancelled']);
  });

  it('lets every status that is no end be left, by the clock as well where a lease or an expiry can run out', () => {
    for (const status of TASK_STATUSES.filter((one) => !isTerminal(one))) {
      expect(allowedMoves(status, 'person')).toContain('cancelled');
      expect(allowedMoves(status, 'clock')).toContain('failed');
    }
  });

  it('reaches every status from the inbox', () => {
    const reached = new Set(['inbox']);
    for (let before = 0; before < reached.size;) {
      before = reached.size;
      for (const { from, to } of TRANSITIONS) if (reached.has(from)) reached.add(to);
    }
    expect([...reached].sort()).toEqual([...TASK_STATUSES].sort());
  });

  it('asks for a reason, a word or evidence where a status needs one', () => {
    expect(missingFor('blocked', {})).toBe('blocker_reason');
    expect(missingFor('blocked', { blockerReason: '' })).toBe('blocker_reason');
    expect(missingFor('blocked', { blockerReason: ' \n ' })).toBe('blocker_reason');
    expect(missingFor('blocked', { blockerReason: 'no access' })).toBeNull();
    expect(missingFor('review', {})).toBe('completion');
    expect(missingFor('review', { message: 'please look' })).toBeNull();
    expect(missingFor('done', { message: 'done!' })).toBe('evidence');
    expect(missingFor('done', { result: null })).toBe('evidence');
    expect(missingFor('done', { result: 0 })).toBeNull();
    expect(missingFor('done', { evidenceRef: 'https://example.com/pr/1' })).toBeNull();
    expect(missingFor('inbox', {})).toBeNull();
  });
});
