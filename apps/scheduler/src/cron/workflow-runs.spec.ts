import { insertSchedule, scheduleTicker, type NewSchedule } from '../../../../test/factories/schedule.js';
import { createTask, claim, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { ScheduleTicker } from './schedule-ticker.js';

interface Tick {
  outcome: string;
  reason: string | null;
  task_ids: string[];
  error: string | null;
}

/** Nobody stands between a task and its end here: this is about runs. */
describe('the run of a workflow', () => {
  let gateway: TestGateway;
  let ticker: ScheduleTicker;
  let agentId: string;

  beforeEach(async () => {
    gateway = await startGateway();
    ticker = scheduleTicker(gateway.db);
    ({ id: agentId } = await insertAgent(gateway.db, { maxConcurrent: 10 }));
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const schedule = (options: NewSchedule = {}) =>
    insertSchedule(gateway.db, {
      workflow: [
        { key: 'write', title: 'Write', depends_on: ['read'] },
        { key: 'read', title: 'Read', depends_on: [] },
        { key: 'count', title: 'Count', depends_on: [] },
      ],
      ...options,
    });
  const ticksOf = (id: string) =>
    query<Tick>('select outcome, reason, task_ids, error from schedule_ticks where schedule_id = $1 order by tick_at', [
      id,
    ]);
  const outcomesOf = async (id: string) => (await ticksOf(id)).map(({ outcome }) => outcome);
  const tickAgain = async (id: string) => {
    await query(`update schedules set next_tick_at = date_trunc('milliseconds', clock_timestamp()) where id = $1`, [
      id,
    ]);
    await ticker.runOnce();
  };
  /** Takes the next task. @returns its title */
  const work = async (end: 'complete' | 'fail', more: object): Promise<string> => {
    const { task, lease } = await claim(gateway.owner, agentId);
    bodyOf(await gateway.owner.post(`/api/tasks/${task.id}/${end}`, { lease, ...more }), 200);
    return String(task.title);
  };
  const complete = () => work('complete', { result: {} });
  const cancel = async (id: string | undefined) => bodyOf(await gateway.owner.post(`/api/tasks/${id}/cancel`), 200);
  const eventsOf = (id: string) =>
    query<{ type: string; data: Record<string, unknown> }>(
      'select type, data from events where subject = $1 order by seq',
      [`schedule:${id}`],
    );

  it('begins once with all of its tasks, however many schedulers look, and tells their keys', async () => {
    const id = await schedule();
    await Promise.all([ticker, scheduleTicker(gateway.db), scheduleTicker(gateway.db)].map((one) => one.runOnce()));
    const [tick, ...more] = await ticksOf(id);
    expect(more).toEqual([]);
    expect(await query('select title, open_dependencies from tasks order by title')).toEqual([
      { title: 'Count', open_dependencies: 0 },
      { title: 'Read', open_dependencies: 0 },
      { title: 'Write', open_dependencies: 1 },
    ]);
    const [write, read, count] = tick!.task_ids;
    expect(await eventsOf(id)).toMatchObject([{ type: 'schedule.fired', data: { tasks: { write, read, count } } }]);
  });

  it('ends well when all of its tasks are done, in their order, and not before', async () => {
    const id = await schedule();
    await ticker.runOnce();
    const done: string[] = [];
    for (let n = 0; n < 3; n += 1) {
      expect(await outcomesOf(id)).toEqual(['running']);
      done.push(await complete());
      await ticker.runOnce();
    }
    expect(done.indexOf('Read')).toBeLessThan(done.indexOf('Write'));
    expect(await outcomesOf(id)).toEqual(['succeeded']);
  });

  it('fails when one fails and nothing else can go on; what waits for it stays, for a replay', async () => {
    const id = await schedule({
      workflow: [
        { key: 'read', title: 'Read', depends_on: [] },
        { key: 'write', title: 'Write', depends_on: ['read'] },
        { key: 'send', title: 'Send', depends_on: ['write'] },
        { key: 'count', title: 'Count', depends_on: [] },
      ],
    });
    await ticker.runOnce();
    expect(await work('fail', { kind: 'permanent', error: 'no' })).toBe('Read');
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['running']);
    expect(await complete()).toBe('Count');
    await ticker.runOnce();
    expect(await ticksOf(id)).toMatchObject([{ outcome: 'failed', error: expect.stringContaining('dead letter') }]);
    expect((await eventsOf(id)).map(({ type }) => type)).toEqual(['schedule.fired', 'schedule.run_failed']);
    const [letter] = await query<{ id: string }>('select id from dead_letters');
    bodyOf(await gateway.owner.post(`/api/dead-letters/${letter!.id}/replay`), 200);
    expect([await complete(), await complete(), await complete()]).toEqual(['Read', 'Write', 'Send']);
  });

  it('that lost a task to a person is cancelled, not failed', async () => {
    const id = await schedule();
    await ticker.runOnce();
    const [, read, count] = (await ticksOf(id))[0]!.task_ids;
    await cancel(count);
    await cancel(read);
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['cancelled']);
    expect(await query('select failures from schedules')).toEqual([{ failures: 0 }]);
  });

  it('goes on again when what it waits for in vain is waited for no longer', async () => {
    const id = await schedule();
    await ticker.runOnce();
    const [write, read] = (await ticksOf(id))[0]!.task_ids;
    await cancel(read);
    bodyOf(await gateway.owner.patch(`/api/tasks/${write}`, { dependsOn: [] }), 200);
    await ticker.runOnce();
    expect([await complete(), await complete()].sort()).toEqual(['Count', 'Write']);
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['cancelled']);
  });

  it('keeps the next one from beginning as long as one of its tasks is open', async () => {
    const [skip, queue] = [await schedule(), await schedule({ overlap: 'queue' })];
    await ticker.runOnce();
    for (let n = 0; n < 2; n += 1) await complete();
    await tickAgain(skip);
    await tickAgain(queue);
    expect(await ticksOf(skip)).toMatchObject([{ outcome: 'running' }, { outcome: 'skipped', reason: 'overlap' }]);
    expect(await outcomesOf(queue)).toEqual(['running', 'queued']);
    for (let n = 0; n < 4; n += 1) await complete();
    await ticker.runOnce();
    await ticker.runOnce();
    expect(await outcomesOf(queue)).toEqual(['succeeded', 'running']);
  });

  it('costs what all of its tasks cost', async () => {
    const id = await schedule();
    await ticker.runOnce();
    const [write, read] = (await ticksOf(id))[0]!.task_ids;
    const { id: other } = await createTask(gateway.owner);
    const costs = { [write!]: '0.25', [read!]: '0.5', [other]: '4' };
    const past = { agent: 'writer', model: 'gpt-4o-mini', startedAt: new Date().toISOString() };
    const items = Object.entries(costs).map(([taskId, costUsd]) => ({ ...past, externalId: taskId, taskId, costUsd }));
    bodyOf(await gateway.owner.post('/api/executions/record', { items }), 201);
    const history = bodyOf<{ costUsd: string; items: object[] }>(
      await gateway.owner.get(`/api/schedules/${id}/history`),
      200,
    );
    expect(history).toMatchObject({
      costUsd: '0.75',
      items: [{ costUsd: '0.75', taskIds: expect.arrayContaining([write]) }],
    });
  });

  it('that cannot be made fails with the reason, and leaves no task behind', async () => {
    const id = await schedule({
      workflow: [
        { key: 'a', title: 'A', depends_on: [] },
        { key: 'b', title: 'B', priority: 'loud', depends_on: ['a'] },
      ],
    });
    await ticker.runOnce();
    expect(await ticksOf(id)).toMatchObject([{ outcome: 'failed', task_ids: null }]);
    expect(await query('select id from tasks')).toEqual([]);
  });

  it('is seen to its end also where the word of a task was missed', async () => {
    const id = await schedule();
    await ticker.runOnce();
    for (let n = 0; n < 3; n += 1) await complete();
    await query("update schedule_ticks set wake_at = now() + interval '10 seconds'");
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['running']);
    await query('update schedule_ticks set wake_at = now()');
    await ticker.runOnce();
    expect(await outcomesOf(id)).toEqual(['succeeded']);
  });
});
