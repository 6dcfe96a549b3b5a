import type { DiaryLine } from './diary.js';
import { type Evidence, judge, percentile, recoveries } from './promises.js';

const at = (second: number) => new Date(second * 1_000).toISOString();
const event = (type: string, second: number, taskId: string, fence: number) => ({
  ...{ seq: second, type, time: at(second) },
  data: { taskId, fence },
});
const line = (what: DiaryLine['what'], taskId: string, fence: number, pid: number, mischief = 'none'): DiaryLine => ({
  ...{ what, taskId, fence, agent: `agent ${pid}`, pid, mischief },
});

/** Task a went well; b's first agent died at second 3, its second one stood still, the third did it; c was hopeless. */
function goodEvidence(): Evidence {
  return {
    put: 3,
    tasks: [
      { id: 'a', status: 'done', attempts: 1, payload: { n: 0, fate: 'done' }, result: { fence: 1 } },
      { id: 'b', status: 'done', attempts: 3, payload: { n: 1, fate: 'done' }, result: { fence: 3 } },
      { id: 'c', status: 'failed', attempts: 1, payload: { n: 2, fate: 'hopeless' }, result: null },
    ],
    events: [
      ...[event('task.assigned', 1, 'a', 1), event('task.completed', 2, 'a', 1)],
      ...[event('task.assigned', 2, 'b', 1), event('lease.lost', 5, 'b', 1), event('task.assigned', 6, 'b', 2)],
      ...[event('lease.lost', 9, 'b', 2), event('task.assigned', 11, 'b', 3), event('task.completed', 12, 'b', 3)],
      ...[event('task.assigned', 3, 'c', 1), event('task.dead', 4, 'c', 1)],
    ],
    diary: [
      ...[line('taken', 'a', 1, 1), line('effect', 'a', 1, 1), line('accepted', 'a', 1, 1)],
      ...[line('taken', 'b', 1, 2, 'dies'), line('taken', 'b', 2, 3, 'hangs'), line('effect', 'b', 2, 3, 'hangs')],
      ...[line('refused', 'b', 2, 3, 'hangs'), line('taken', 'b', 3, 1), line('effect', 'b', 3, 1)],
      ...[line('accepted', 'b', 3, 1), line('taken', 'c', 1, 1), line('accepted', 'c', 1, 1)],
    ],
    deaths: [
      { agent: 'agent 2', pid: 2, at: 3_000, kind: 'died' },
      { agent: 'agent 3', pid: 3, at: 7_000, kind: 'stood still' },
    ],
    deadTaskIds: ['c'],
    escalations: [],
  };
}

const broken = (evidence: Evidence) => judge(evidence).flatMap(({ kept, promise }) => (kept ? [] : [promise]));

describe('the promises of a simulation', () => {
  it('are kept where all went as it should', () => {
    expect(broken(goodEvidence())).toEqual([]);
  });

  it.each<[string, string, (evidence: Evidence) => void]>([
    ['a task is missing', 'every task is terminal', (e) => Object.assign(e, { put: 4 })],
    ['a task is not finished', 'every task is terminal', (e) => Object.assign(e.tasks[2]!, { status: 'inbox' })],
    ['a task has no dead letter', 'each came to the end', (e) => Object.assign(e, { deadTaskIds: [] })],
    ['a hopeless one is done', 'each came to the end', (e) => Object.assign(e.tasks[2]!, { status: 'done' })],
    ['a task was completed twice', 'none was done twice', (e) => push(e.events, event('task.completed', 9, 'a', 1))],
    ['a result is an older one', 'none was done twice', (e) => Object.assign(e.tasks[1]!, { result: { fence: 2 } })],
    ['a fence was given twice', 'no two agents', (e) => push(e.events, event('task.assigned', 9, 'a', 1))],
    ['two agents had one lease', 'no two agents', (e) => push(e.diary, line('taken', 'a', 1, 3))],
    ['an effect was repeated', 'each effect', (e) => push(e.diary, line('effect', 'a', 1, 1))],
    ['a late report counted', 'whoever was too late', (e) => push(e.diary, line('accepted', 'b', 2, 3, 'hangs'))],
    [
      'nobody was told',
      'whoever had to be told',
      (e) => [7, 8].forEach((fence) => push(e.events, event('task.failed', 9, 'c', fence))),
    ],
    [
      'somebody was told for nothing',
      'whoever had to be told',
      (e) => push(e.escalations, { ruleId: 'r', taskId: 'a', level: 1 }),
    ],
    ['a task was forgotten', 'nothing was stuck', (e) => Object.assign(e, { events: e.events.slice(0, 3) })],
  ])('are broken when %s', (_case, promise, spoil) => {
    const evidence = goodEvidence();
    spoil(evidence);
    expect(broken(evidence)).toContainEqual(expect.stringContaining(promise));
  });

  it('tell how long a task was without an agent', () => {
    expect(recoveries(goodEvidence())).toEqual({ freeMs: [2_000, 2_000], takenMs: [3_000, 4_000] });
    expect(percentile([1, 2, 3, 4], 0.5)).toBe(2);
    expect(percentile([1, 2, 3, 4], 0.99)).toBe(4);
  });
});

function push<Item>(items: readonly Item[], item: Item): void {
  (items as Item[]).push(item);
}
