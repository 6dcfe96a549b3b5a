import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { TaskJson } from '../../../../test/factories/fleet.js';
import type { HistoryView, ScheduleView, TickView } from './schedule.view.js';

const TASK = {
  task: {
    title: 'Report',
    priority: 'high',
    requiredCapabilities: [{ name: 'writing', minLevel: 2 }],
    budgetUsd: '0.5',
  },
};

const step = (key: string, ...dependsOn: string[]) => ({ key, title: `Do ${key}`, dependsOn });
const workflow = (...tasks: object[]) => ({ target: { workflow: { tasks } } });

describe('schedules', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
    bodyOf(await gateway.owner.post('/api/agents', { name: 'researcher' }), 201);
  });
  afterAll(() => gateway.close());

  const create = async (more: Record<string, unknown> = {}) =>
    bodyOf<ScheduleView>(
      await gateway.owner.post('/api/schedules', { name: 'Report', cron: '0 9 * * *', target: TASK, ...more }),
      201,
    );
  const refused = async (more: Record<string, unknown>) => {
    const body = { name: 'Report', cron: '0 9 * * *', target: TASK, ...more };
    return bodyOf<{ errors: { path: string }[]; detail: string }>(
      await gateway.owner.post('/api/schedules', body),
      422,
    );
  };
  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));

  it('answer with what was asked, defaults, and the next five ticks', async () => {
    const { id, ...made } = await create({ cron: '30 9 * * MON-FRI', timezone: 'Europe/Paris' });
    expect(made).toMatchObject({
      ...{ cron: '30 9 * * MON-FRI', everySeconds: null, timezone: 'Europe/Paris', target: TASK },
      ...{ catchUp: 'none', overlap: 'skip', jitterSeconds: 0, enabled: true },
      breaker: { state: 'closed', failures: 0, until: null },
    });
    expect(made.nextTicks).toHaveLength(5);
    expect(made.nextTickAt).toBe(made.nextTicks[0]);
    expect(bodyOf(await gateway.owner.get(`/api/schedules/${id}`), 200)).toMatchObject({
      id,
      nextTicks: made.nextTicks,
    });
  });

  it('of an interval are first due one interval after they were made', async () => {
    const { createdAt, nextTicks } = await create({ cron: undefined, everySeconds: 90 });
    expect(nextTicks.map((tick) => Date.parse(tick) - Date.parse(createdAt))).toEqual([
      90_000, 180_000, 270_000, 360_000, 450_000,
    ]);
  });

  it.each([
    ['a day that never comes', { cron: '0 0 31 2 *' }, 'cron'],
    ['six fields', { cron: '0 0 9 * * *' }, 'cron'],
    ['nonsense', { cron: 'tomorrow' }, 'cron'],
    ['a zone that does not exist', { timezone: 'Europe/Atlantis' }, 'timezone'],
    ['both cadences', { everySeconds: 60 }, 'everySeconds'],
    ['no cadence', { cron: undefined }, 'cron'],
    ['an interval of nothing', { cron: undefined, everySeconds: 0 }, 'everySeconds'],
    ['more than a year', { cron: undefined, everySeconds: 31_536_001 }, 'everySeconds'],
    ['no target', { target: {} }, 'target'],
    ['two targets', { target: { ...TASK, heartbeat: { agent: 'researcher' } } }, 'target'],
    ['a workflow of nothing', { target: { workflow: { tasks: [] } } }, 'target.workflow.tasks'],
    ['a workflow without its tasks', { target: { workflow: { id: 'x' } } }, 'target.workflow.tasks'],
    ['a step without a key', workflow({ title: 'x' }), 'target.workflow.tasks[0].key'],
    ['a key that stands there twice', workflow(step('a'), step('a')), 'target.workflow.tasks[1].key'],
    ['a step that waits for nobody', workflow(step('a', 'b')), 'target.workflow.tasks[0].dependsOn'],
    ['steps in a circle', workflow(step('a', 'b'), step('b', 'a')), 'target.workflow.tasks[0].dependsOn'],
    [
      'a step for an unknown agent',
      workflow({ ...step('a'), assignee: 'nobody' }),
      'target.workflow.tasks[0].assignee',
    ],
    ['a stand-up that is told what to say', { target: { standup: { text: 'x' } } }, 'target.standup.text'],
    ['an unknown assignee', { target: { task: { title: 'x', assignee: 'nobody' } } }, 'target.task.assignee'],
    ['an unknown agent', { target: { heartbeat: { agent: 'nobody' } } }, 'target.heartbeat.agent'],
    ['a task without a title', { target: { task: {} } }, 'target.task.title'],
    [
      'a task that is due at one moment',
      { target: { task: { title: 'x', dueAt: '2030-01-01T00:00:00Z' } } },
      'target.task.dueAt',
    ],
  ])('with %s are refused, and nothing is kept', async (_, more, path) => {
    const before = await query('select id from schedules');
    expect((await refused(more)).errors.map((fault) => fault.path)).toContain(path);
    expect(await query('select id from schedules')).toHaveLength(before.length);
  });

  it('change in what is named only, and start a new interval from now', async () => {
    const { id } = await create({ overlap: 'queue', catchUp: 'all', enabled: false });
    const renamed = bodyOf<ScheduleView>(await gateway.owner.patch(`/api/schedules/${id}`, { name: 'Other' }), 200);
    expect(renamed).toMatchObject({
      name: 'Other',
      cron: '0 9 * * *',
      overlap: 'queue',
      catchUp: 'all',
      enabled: false,
      nextTickAt: null,
    });
    await query(`update schedules set anchor_at = anchor_at - interval '1 hour' where id = $1`, [id]);
    const timed = bodyOf<ScheduleView>(
      await gateway.owner.patch(`/api/schedules/${id}`, { everySeconds: 7_200, enabled: true }),
      200,
    );
    expect(timed).toMatchObject({ cron: null, everySeconds: 7_200 });
    expect(Math.abs(Date.parse(timed.nextTickAt!) - Date.parse(timed.updatedAt) - 7_200_000)).toBeLessThan(5);
    bodyOf(await gateway.owner.patch(`/api/schedules/${id}`, { cron: '0 0 31 2 *' }), 422);
    bodyOf(await gateway.owner.patch(`/api/schedules/${id}`, { name: 'x' }, { 'if-match': '"1"' }), 412);
  });

  it('are paused and resumed without making up for the time between', async () => {
    const { id } = await create({ cron: undefined, everySeconds: 60, catchUp: 'all' });
    expect(bodyOf(await gateway.owner.post(`/api/schedules/${id}/pause`), 200)).toMatchObject({
      enabled: false,
      nextTickAt: null,
    });
    await query(`update schedules set anchor_at = anchor_at - interval '1 hour' where id = $1`, [id]);
    const resumed = bodyOf<ScheduleView>(await gateway.owner.post(`/api/schedules/${id}/resume`), 200);
    expect(resumed.enabled).toBe(true);
    expect(Date.parse(resumed.nextTickAt!)).toBeGreaterThan(Date.parse(resumed.updatedAt));
    const types = await query<{ type: string }>(`select type from events where subject = $1 order by seq`, [
      `schedule:${id}`,
    ]);
    expect(types.map((event) => event.type)).toEqual(['schedule.created', 'schedule.paused', 'schedule.resumed']);
  });

  it('make their task when they are run now, even paused, and say so in their history', async () => {
    const { id } = await create({ enabled: false });
    const tick = bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201);
    expect(tick).toMatchObject({ origin: 'manual', outcome: 'running', costUsd: '0' });
    const task = bodyOf(await gateway.owner.get(`/api/tasks/${tick.taskId}`), 200);
    expect(task).toMatchObject({ title: 'Report', priority: 'high', status: 'inbox', budgetUsd: '0.5' });
    const again = bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201);
    expect(again).toMatchObject({ outcome: 'skipped', reason: 'overlap', taskId: null });
    const first = bodyOf<HistoryView>(await gateway.owner.get(`/api/schedules/${id}/history?limit=1`), 200);
    expect(first.items).toMatchObject([{ id: again.id }]);
    const second = bodyOf<HistoryView>(
      await gateway.owner.get(`/api/schedules/${id}/history?limit=1&cursor=${first.nextCursor}`),
      200,
    );
    expect(second).toMatchObject({ items: [{ id: tick.id }], nextCursor: null });
  });

  it('run once for a request that is repeated', async () => {
    const { id } = await create();
    const key = { 'idempotency-key': 'run-once' };
    const first = bodyOf(await gateway.owner.post(`/api/schedules/${id}/run`, {}, key), 201);
    expect(bodyOf(await gateway.owner.post(`/api/schedules/${id}/run`, {}, key), 201)).toEqual(first);
    expect(await query('select id from schedule_ticks where schedule_id = $1', [id])).toHaveLength(1);
  });

  it('tell what their runs have cost', async () => {
    const { id } = await create({ overlap: 'allow' });
    for (const cost of ['0.25', '0.5']) {
      const { taskId } = bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201);
      const run = { agent: 'researcher', model: 'any', trigger: 'cron', taskId, estimate: { costUsd: '1' } };
      const execution = bodyOf<{ id: string }>(await gateway.owner.post('/api/executions', run), 201);
      bodyOf(
        await gateway.owner.post(`/api/executions/${execution.id}/complete`, { status: 'succeeded', costUsd: cost }),
        200,
      );
    }
    const history = bodyOf<HistoryView>(await gateway.owner.get(`/api/schedules/${id}/history`), 200);
    expect(history.items.map((tick) => tick.costUsd)).toEqual(['0.5', '0.25']);
    expect(history.costUsd).toBe('0.75');
  });

  it.each([
    ['cron', { task: { title: 'Paid', assignee: 'payee', budgetUsd: '0.5' } }],
    ['manual', null],
  ] as const)('make the runs of their tasks known as such: %s', async (trigger, target) => {
    bodyOf(await gateway.owner.post('/api/agents', { name: 'payee' }, { 'idempotency-key': 'payee' }), 201);
    if (target) bodyOf(await gateway.owner.post(`/api/schedules/${(await create({ target })).id}/run`), 201);
    else bodyOf(await gateway.owner.post('/api/tasks', { title: 'Paid', assignee: 'payee', budgetUsd: '0.5' }), 201);
    const { task, lease } = bodyOf<{ task: { id: string }; lease: { id: string; fence: number } }>(
      await gateway.owner.post('/api/agents/payee/claim'),
      200,
    );
    expect(await query('select trigger from executions where task_id = $1', [task.id])).toEqual([{ trigger }]);
    const report = { lease: { id: lease.id, fence: lease.fence }, result: {} };
    bodyOf(await gateway.owner.post(`/api/tasks/${task.id}/complete`, report), 200);
  });

  it('show when they would be due, across a change of the clocks', async () => {
    const ask = { cron: '30 2 * * *', timezone: 'Europe/Berlin', from: '2027-03-27T12:00:00Z', count: 2 };
    expect(bodyOf(await gateway.owner.post('/api/schedules/preview', ask), 200)).toEqual({
      nextTicks: ['2027-03-28T01:30:00.000Z', '2027-03-29T00:30:00.000Z'],
    });
    bodyOf(await gateway.owner.post('/api/schedules/preview', { ...ask, cron: '0 0 31 2 *' }), 422);
    bodyOf(await gateway.owner.post('/api/schedules/preview', { ...ask, count: 1_000 }), 422);
  });

  it('that wake agents at the same times take turns a minute apart', async () => {
    const target = { heartbeat: { agent: 'researcher' } };
    const made = [];
    for (const name of ['a', 'b', 'c']) made.push(await create({ name, cron: '*/15 * * * *', target }));
    expect(made.map(({ nextTicks }) => Math.floor((Date.parse(nextTicks[0]!) % 900_000) / 60_000))).toEqual([0, 1, 2]);
    expect(made[0]!.target).toMatchObject({ heartbeat: { agent: 'researcher' } });
    const chosen = await create({
      cron: '0 * * * *',
      target: { heartbeat: { agent: 'researcher', offsetMinutes: 7 } },
    });
    expect(new Date(chosen.nextTicks[0]!).getUTCMinutes()).toBe(7);
  });

  it('that are given to another agent wake it the first time, whatever the one before has seen', async () => {
    bodyOf(await gateway.owner.post('/api/agents', { name: 'successor' }), 201);
    const { id } = await create({ target: { heartbeat: { agent: 'researcher' } }, overlap: 'allow' });
    const beat = async () => bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201).outcome;
    expect([await beat(), await beat()]).toEqual(['running', 'HEARTBEAT_OK']);
    bodyOf(await gateway.owner.patch(`/api/schedules/${id}`, { name: 'Renamed' }), 200);
    expect(await beat()).toBe('HEARTBEAT_OK');
    bodyOf(await gateway.owner.patch(`/api/schedules/${id}`, { target: { heartbeat: 'successor' } }), 200);
    expect([await beat(), await beat()]).toEqual(['running', 'HEARTBEAT_OK']);
  });

  it('of a workflow make all of its tasks at once, wired, and answer with what was asked', async () => {
    const target = {
      workflow: {
        name: 'Weekly',
        tasks: [{ ...step('write', 'ask', 'look'), budgetUsd: '1.5' }, step('ask'), step('look')],
      },
    };
    const { id, target: kept } = await create({ target });
    expect(kept).toEqual(target);
    const run = bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201);
    expect(run).toMatchObject({ outcome: 'running', taskId: null, standupId: null, costUsd: '0' });
    const tasks = await Promise.all(
      run.taskIds.map(async (taskId) => bodyOf<TaskJson>(await gateway.owner.get(`/api/tasks/${taskId}`), 200)),
    );
    const [write, ask, look] = run.taskIds;
    expect(tasks).toMatchObject([
      { title: 'Do write', budgetUsd: '1.5' },
      { title: 'Do ask', dependsOn: [] },
      { title: 'Do look', dependsOn: [] },
    ]);
    expect(new Set(tasks[0]!.dependsOn)).toEqual(new Set([ask, look]));
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${write}/why`), 200)).toMatchObject({ reason: 'dependency' });
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${ask}/why`), 200)).not.toMatchObject({ reason: 'dependency' });
  });

  it('of a stand-up are made with nothing more to say, and asked for at any time', async () => {
    for (const standup of [{}, true]) {
      const { id, target } = await create({ target: { standup } });
      expect(target).toEqual({ standup: {} });
      const run = bodyOf<TickView>(await gateway.owner.post(`/api/schedules/${id}/run`), 201);
      expect(run).toMatchObject({ outcome: 'running', taskId: null, taskIds: [] });
    }
  });

  it('are listed by name, page by page, and are gone when deleted', async () => {
    await gateway.workspace('listed');
    const client = gateway.as(gateway.db.ownerKey, 'listed');
    const ids: string[] = [];
    for (const name of ['b', 'a', 'c']) {
      ids.push(
        bodyOf<ScheduleView>(await client.post('/api/schedules', { name, everySeconds: 60, target: TASK }), 201).id,
      );
    }
    const first = bodyOf<{ items: ScheduleView[]; nextCursor: string }>(
      await client.get('/api/schedules?limit=2'),
      200,
    );
    expect(first.items.map(({ name }) => name)).toEqual(['a', 'b']);
    const second = bodyOf<{ items: ScheduleView[] }>(
      await client.get(`/api/schedules?limit=2&cursor=${first.nextCursor}`),
      200,
    );
    expect(second.items.map(({ name }) => name)).toEqual(['c']);
    bodyOf(await client.delete(`/api/schedules/${ids[0]}`), 204);
    bodyOf(await client.get(`/api/schedules/${ids[0]}`), 404);
    bodyOf(await gateway.owner.get(`/api/schedules/${ids[1]}`), 404);
    bodyOf(await gateway.owner.post(`/api/schedules/${ids[1]}/run`), 404);
  });

  it('are read, not written, by viewers and agents', async () => {
    const { id } = await create();
    for (const role of ['viewer', 'agent'] as const) {
      const client = gateway.as(await gateway.key({ role }));
      bodyOf(await client.get(`/api/schedules/${id}`), 200);
      bodyOf(await client.post(`/api/schedules/${id}/run`), 403);
      bodyOf(await client.delete(`/api/schedules/${id}`), 403);
    }
  });
});
