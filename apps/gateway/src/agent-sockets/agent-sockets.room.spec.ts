import { createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bare } from '../../../../test/support/connected-agent.js';
import { bodyOf, type TestGateway } from '../../../../test/support/gateway.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';

describe('an agent behind a socket', () => {
  let house: SocketHouse;
  let gateway: TestGateway;

  beforeEach(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterEach(() => house.close());

  it('is told how to behave, takes a task that waits, and one that comes, and reports both', async () => {
    const waiting = await createTask(gateway.owner);
    const { id, socket } = await house.agentWith();
    expect(socket.ready).toMatchObject({
      agentId: id,
      heartbeatIntervalMs: 10_000,
      leaseTtlMs: 30_000,
      ackWithinMs: 10_000,
    });
    const first = await socket.task();
    expect(first).toMatchObject({
      task: { id: waiting.id, title: 'Sort the mail', status: 'assigned', attempts: 1 },
      lease: { id: expect.any(String), fence: 1, expiresAt: expect.any(String) },
    });
    await until(async () => (await house.read(waiting.id)).status === 'in_progress');
    socket.result(first, { sorted: 3 });
    expect(await socket.heard('result.ok')).toEqual({ type: 'result.ok', taskId: waiting.id, status: 'done' });
    expect(await house.read(waiting.id)).toMatchObject({ status: 'done', result: { sorted: 3 } });
    const next = await createTask(gateway.owner);
    const second = await socket.task();
    expect(second.task.id).toBe(next.id);
    expect(await house.query('select instance_id, last_seen_at is not null as seen from agent_sessions')).toHaveLength(
      1,
    );
    socket.say('fail', { taskId: next.id, lease: bare(second.lease), kind: 'permanent', error: 'no stamps' });
    expect(await socket.heard('result.ok', 2)).toMatchObject({ taskId: next.id, status: 'failed' });
  });

  it('looks only into its own workspace', async () => {
    const { slug } = await gateway.workspace('elsewhere');
    const { socket } = await house.agentWith({}, { workspace: slug });
    await createTask(gateway.owner);
    const there = await createTask(gateway.as(gateway.db.ownerKey, slug));
    expect((await socket.task()).task.id).toBe(there.id);
    expect(socket.tasks).toHaveLength(1);
  });

  it('takes no more at once than it said, nor than its agent may, and goes on when something is done, also over HTTP', async () => {
    const { socket } = await house.agentWith({ maxConcurrent: 9 }, { maxConcurrent: 2 });
    const other = await house.agentWith({ maxConcurrent: 1 }, { maxConcurrent: 5 });
    for (let n = 0; n < 5; n += 1) await createTask(gateway.owner);
    await until(() => socket.tasks.length + other.socket.tasks.length === 3);
    await until(async () => (await house.count('in_progress')) === 3);
    const [first, second] = [await socket.task(), await socket.task()];
    socket.result(first);
    const third = await socket.task();
    const path = `/api/tasks/${second.task.id}/complete`;
    bodyOf(await gateway.owner.post(path, { lease: bare(second.lease), result: 1 }), 200);
    const fourth = await socket.task();
    expect(new Set([first, second, third, fourth].map(({ task }) => task.id)).size).toBe(4);
    expect(other.socket.tasks).toHaveLength(1);
    expect(socket.tasks).toHaveLength(4);
  });

  it('gets only what this instance of it has of the capabilities', async () => {
    const capabilities = [
      { name: 'french', level: 4 },
      { name: 'dance', level: 5 },
    ];
    const { id, socket } = await house.agentWith(
      { capabilities, maxConcurrent: 9 },
      { capabilities: ['french', 'cooking'] },
    );
    const limited = await house.connect(id, { capabilities: [{ name: 'dance', level: 2 }] });
    for (const required of ['cooking', { name: 'dance', minLevel: 3 }, 'dance', { name: 'french', minLevel: 4 }]) {
      await createTask(gateway.owner, { requiredCapabilities: [required] });
    }
    expect((await socket.task()).task).toMatchObject({ requiredCapabilities: [{ name: 'french', minLevel: 4 }] });
    expect((await limited.task()).task).toMatchObject({ requiredCapabilities: [{ name: 'dance', minLevel: 1 }] });
    expect([socket.tasks.length, limited.tasks.length]).toEqual([1, 1]);
    expect(await house.query("select from tasks where status = 'inbox'")).toHaveLength(2);
  });

  it('extends its leases by heartbeats, hands progress on, and hears which are lost', async () => {
    const { socket } = await house.agentWith({ maxConcurrent: 2 });
    const kept = await createTask(gateway.owner);
    const first = await socket.task();
    const cancelled = await createTask(gateway.owner);
    const second = await socket.task();
    await until(async () => (await house.count('in_progress')) === 2);
    await house.query("update tasks set lease_expires_at = now() + interval '2 seconds'");
    bodyOf(await gateway.owner.post(`/api/tasks/${cancelled.id}/cancel`, {}), 200);
    const tasks = [
      { taskId: kept.id, lease: bare(first.lease), progress: { page: 3 } },
      { taskId: cancelled.id, lease: bare(second.lease) },
    ];
    socket.say('heartbeat', { lastTaskId: cancelled.id, tasks });
    const answer = await until(() => socket.of('heartbeat.ok').find((frame) => frame.tasks.length === 2));
    expect(answer.tasks).toEqual([
      { taskId: kept.id, continue: true, lease: { id: first.lease.id, fence: 1, expiresAt: expect.any(String) } },
      expect.objectContaining({ taskId: cancelled.id, continue: false, lease: null, code: 'lease_lost' }),
    ]);
    const left = await house.query<{ seconds: number }>(
      'select extract(epoch from lease_expires_at - now())::float8 as seconds from tasks where lease_id is not null',
    );
    expect(left.every(({ seconds }) => seconds > 5)).toBe(true);
    expect(await house.read(kept.id)).toMatchObject({ progress: { page: 3 } });
    const seen = () => house.query<{ last_task_id: string }>('select last_task_id from agent_sessions');
    await until(async () => (await seen())[0]?.last_task_id === cancelled.id);
  });

  it('hears by itself that a task it works on was cancelled', async () => {
    const { socket } = await house.agentWith();
    const { id } = await createTask(gateway.owner);
    await socket.task();
    await until(async () => (await house.read(id)).status === 'in_progress');
    bodyOf(await gateway.owner.post(`/api/tasks/${id}/cancel`, {}), 200);
    expect((await socket.heard('heartbeat.ok')).tasks).toEqual([
      { taskId: id, continue: false, lease: null, code: 'lease_lost' },
    ]);
  });

  it('pauses, drains and goes on when it is told to, and leaves when it is disabled', async () => {
    const { id, socket } = await house.agentWith();
    bodyOf(await gateway.owner.post(`/api/agents/${id}/pause`, {}), 200);
    expect(await socket.heard('pause')).toEqual({ type: 'pause', reason: 'paused' });
    const task = await createTask(gateway.owner);
    bodyOf(await gateway.owner.post(`/api/agents/${id}/drain`, {}), 200);
    expect(await socket.heard('pause', 2)).toEqual({ type: 'pause', reason: 'draining' });
    expect(socket.tasks).toEqual([]);
    bodyOf(await gateway.owner.post(`/api/agents/${id}/resume`, {}), 200);
    await socket.heard('resume');
    expect((await socket.task()).task.id).toBe(task.id);
    bodyOf(await gateway.owner.patch(`/api/agents/${id}`, { enabled: false }), 200);
    expect(await socket.hasClosed()).toEqual({ code: 4403, reason: 'disabled' });
    expect(await house.read(task.id)).toMatchObject({ status: 'inbox' });
    const paused = await insertAgent(gateway.db);
    await house.query('update agents set paused_at = now() where id = $1', [paused.id]);
    await (await house.connect(paused.id)).heard('pause');
  });

  it('takes the place of an earlier connection of the same instance, and of no other', async () => {
    const { id, socket: first } = await house.agentWith({}, { instanceId: 'one' });
    const other = await house.connect(id, { instanceId: 'two' });
    const elsewhere = await gateway.workspace('elsewhere');
    const abroad = await house.connect(id, { instanceId: 'one', workspace: elsewhere.slug });
    const second = await house.connect(id, { instanceId: 'one' });
    expect(await first.hasClosed()).toEqual({ code: 4409, reason: 'replaced' });
    const { id: taskId } = await createTask(gateway.owner);
    await until(() => second.tasks.length + other.tasks.length === 1);
    expect([second.closed, other.closed, abroad.closed, first.tasks]).toEqual([null, null, null, []]);
    expect((await house.read(taskId)).attempts).toBe(1);
    expect(await house.query('select from agent_sessions')).toHaveLength(3);
  });

  it('gives back at once what it was only offered when it dies, and keeps what it works on until the lease ends', async () => {
    const { socket } = await house.agentWith({ maxConcurrent: 2 }, { acks: false });
    const worked = await createTask(gateway.owner);
    const first = await socket.task();
    socket.say('ack', { taskId: worked.id, lease: bare(first.lease) });
    await until(async () => (await house.read(worked.id)).status === 'in_progress');
    const offered = await createTask(gateway.owner);
    await socket.task();
    socket.terminate();
    await until(async () => (await house.read(offered.id)).status === 'inbox');
    expect(await house.read(offered.id)).toMatchObject({ attempts: 0 });
    expect(await house.read(worked.id)).toMatchObject({ status: 'in_progress', attempts: 1 });
    await until(async () => (await house.query('select from agent_sessions')).length === 0);
    const back = await house.connect((await house.query<{ id: string }>('select id from agents'))[0]!.id);
    back.result(first);
    expect(await back.heard('result.ok')).toMatchObject({ taskId: worked.id, status: 'done' });
  });

  it('blocks and releases a task', async () => {
    const { socket } = await house.agentWith();
    const { id } = await createTask(gateway.owner);
    const first = await socket.task();
    socket.say('release', { taskId: id, lease: bare(first.lease), reason: 'not mine' });
    expect(await socket.heard('result.ok')).toMatchObject({ taskId: id, status: 'inbox' });
    const second = await socket.task();
    socket.say('block', { taskId: id, lease: bare(second.lease) });
    expect(await socket.heard('error')).toMatchObject({ code: 'blocker_reason_required', re: 'block', taskId: id });
    socket.say('block', { taskId: id, lease: bare(second.lease), blockerReason: 'no key' });
    expect(await socket.heard('result.ok', 2)).toMatchObject({ taskId: id, status: 'blocked' });
    expect(await house.read(id)).toMatchObject({ attempts: 0 });
  });

  it('is not given a task whose budget has no room', async () => {
    bodyOf(await gateway.owner.post('/api/budgets', { name: 'all', limitUsd: '1', period: 'day' }), 201);
    const { socket } = await house.agentWith({ provider: 'openai' });
    const dear = await createTask(gateway.owner, { budgetUsd: '2', priority: 'urgent' });
    const cheap = await createTask(gateway.owner, { budgetUsd: '0.5' });
    const offered = await socket.task();
    expect(offered.task).toMatchObject({ id: cheap.id, executionId: expect.any(String) });
    await until(async () => (await house.read(dear.id)).nextRetryAt !== null);
    expect(await house.read(dear.id)).toMatchObject({ status: 'inbox', attempts: 0 });
    expect(socket.tasks).toHaveLength(1);
  });
});
