import { createTask, insertAgent } from '../factories/fleet.js';
import { bare, ConnectedAgent, type ConnectOptions } from '../support/connected-agent.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { type ApiClient, bodyOf, clientOf } from '../support/gateway.js';
import { ensureBuilt, type ServiceProcess, startService } from '../support/service-process.js';
import { until } from '../support/until.js';

describe('agents connected to several gateways', () => {
  let db: TestDatabase;
  let a: ServiceProcess;
  let b: ServiceProcess;
  let scheduler: ServiceProcess;
  let atA: ApiClient;
  const connected: ConnectedAgent[] = [];

  beforeAll(async () => {
    ensureBuilt();
    db = await openTestDatabase();
    const env = { DATABASE_URL: db.url };
    [a, b, scheduler] = await Promise.all([
      startService('gateway', env),
      startService('gateway', env),
      startService('scheduler', env),
    ]);
    atA = clientOf(a.url, db.ownerKey);
  }, 90_000);
  afterAll(async () => {
    const codes = await Promise.all([a, b, scheduler].map((service) => service.stop()));
    await db.close();
    expect(codes).toEqual([0, 0, 0]);
  });
  afterEach(async () => {
    connected.splice(0).forEach((agent) => agent.terminate());
    await until(async () => (await query('select from agent_sessions')).length === 0);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const statusOf = async (id: string) =>
    (await query<{ status: string }>('select status from tasks where id = $1', [id]))[0]?.status;
  const connect = async ({ url }: ServiceProcess, agentId: string, options: Partial<ConnectOptions> = {}) => {
    const agent = await ConnectedAgent.connect(agentId, { url, key: db.ownerKey, ...options });
    connected.push(agent);
    return agent;
  };

  it('brings a task that came in at one to an agent at the other', async () => {
    const agent = await insertAgent(db);
    const socket = await connect(b, agent.id);
    const { id } = await createTask(atA, { assignee: agent.id });
    const offered = await socket.task();
    expect(offered.task.id).toBe(id);
    socket.result(offered);
    await socket.heard('result.ok');
    expect(await statusOf(id)).toBe('done');
  });

  it('gives each task to one agent, and all of them to somebody', async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, () => insertAgent(db, { maxConcurrent: 3 })));
    const sockets = await Promise.all(agents.map(({ id }, n) => connect(n % 2 === 0 ? a : b, id)));
    const finish = (socket: ConnectedAgent) => {
      let done = 0;
      return async () => {
        for (; done < socket.tasks.length; done += 1) socket.result(socket.tasks[done]!);
      };
    };
    const finishers = sockets.map(finish);
    const items = Array.from({ length: 60 }, (_, n) => ({ title: `task ${n}` }));
    bodyOf(await atA.post('/api/tasks/bulk', { items }), 201);
    await until(async () => {
      await Promise.all(finishers.map((act) => act()));
      return sockets.flatMap((socket) => socket.of('result.ok')).length >= 60;
    }, 25_000);
    const ids = sockets.flatMap(({ tasks }) => tasks.map(({ task }) => task.id));
    expect([ids.length, new Set(ids).size]).toEqual([60, 60]);
    expect(await query(`select from task_attempts where kind <> 'succeeded'`)).toEqual([]);
    expect(sockets.flatMap((socket) => socket.of('error'))).toEqual([]);
    const byB = sockets.filter((_, n) => n % 2 === 1).flatMap(({ tasks }) => tasks);
    expect(byB.length).toBeGreaterThan(0);
  });

  it('tells a pause, and its end, at the other', async () => {
    const agent = await insertAgent(db);
    const socket = await connect(b, agent.id);
    bodyOf(await atA.post(`/api/agents/${agent.id}/pause`), 200);
    await socket.heard('pause');
    const { id } = await createTask(atA, { assignee: agent.id });
    bodyOf(await atA.post(`/api/agents/${agent.id}/resume`), 200);
    await socket.heard('resume');
    expect((await socket.task()).task.id).toBe(id);
  });

  it('closes the connection of an instance that connects to the other', async () => {
    const agent = await insertAgent(db);
    const first = await connect(a, agent.id, { instanceId: 'the one' });
    const second = await connect(b, agent.id, { instanceId: 'the one' });
    expect(await first.hasClosed()).toEqual({ code: 4409, reason: 'replaced' });
    expect(second.closed).toBeNull();
    expect(await query('select session_id from agent_sessions')).toEqual([{ session_id: second.ready.sessionId }]);
  });

  it('sends agents on when one stops; what they work on goes on at the other', async () => {
    const agent = await insertAgent(db);
    const first = await connect(b, agent.id);
    const { id } = await createTask(atA, { assignee: agent.id });
    const { lease } = await first.task();
    await until(async () => (await statusOf(id)) === 'in_progress');
    expect(await b.stop()).toBe(0);
    expect(await first.hasClosed()).toEqual({ code: 1012, reason: 'restarting' });
    const second = await connect(a, agent.id);
    second.say('heartbeat', { tasks: [{ taskId: id, lease: bare(lease) }] });
    expect((await second.heard('heartbeat.ok')).tasks).toMatchObject([{ taskId: id, continue: true }]);
    second.say('result', { taskId: id, lease: bare(lease), result: 1 });
    await second.heard('result.ok');
    await b.start();
  });

  it('loses nothing when one is killed: an offer goes to somebody else, work goes on, and the session lapses', async () => {
    const [mute, busy, heir] = await Promise.all([insertAgent(db), insertAgent(db), insertAgent(db)]);
    const offeredTo = await connect(b, mute.id, { acks: false });
    const worker = await connect(b, busy.id);
    const work = await createTask(atA, { assignee: busy.id });
    const { lease } = await worker.task();
    await until(async () => (await statusOf(work.id)) === 'in_progress');
    const offer = await createTask(atA);
    await offeredTo.task();
    await b.kill();
    await worker.hasClosed();
    const back = await connect(a, busy.id);
    back.say('result', { taskId: work.id, lease: bare(lease), result: 'done all the same' });
    await back.heard('result.ok');
    back.terminate();
    const taker = await connect(a, heir.id);
    expect((await taker.task(25_000)).task.id).toBe(offer.id);
    await query("update agent_sessions set last_seen_at = last_seen_at - interval '3 minutes' where agent_id <> $1", [
      heir.id,
    ]);
    await until(async () => (await query('select from agent_sessions')).length === 1);
    await b.start();
  }, 60_000);
});
