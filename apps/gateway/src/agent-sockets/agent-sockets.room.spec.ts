import { createTask, insertAgent, type NewAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { bare, ConnectedAgent, type ConnectOptions } from '../../../../test/support/connected-agent.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { until } from '../../../../test/support/until.js';

describe('an agent behind a socket', () => {
  let gateway: TestGateway;
  const connected: ConnectedAgent[] = [];

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(async () => {
    connected.splice(0).forEach((agent) => agent.terminate());
    await gateway.close();
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async (id: string) => bodyOf<TaskJson>(await gateway.owner.get(`/api/tasks/${id}`), 200);
  const connect = async (agentId: string, options: Partial<ConnectOptions> = {}) => {
    const agent = await ConnectedAgent.connect(agentId, { url: gateway.url, key: gateway.db.ownerKey, ...options });
    connected.push(agent);
    return agent;
  };
  const agentWith = async (wanted: NewAgent = {}, options: Partial<ConnectOptions> = {}) => {
    const { id, name } = await insertAgent(gateway.db, wanted);
    return { id, name, socket: await connect(id, options) };
  };

  it('is told how to behave, takes a task that waits, and one that comes, and reports both', async () => {
    const waiting = await createTask(gateway.owner);
    const { id, socket } = await agentWith();
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
    await until(async () => (await read(waiting.id)).status === 'in_progress');
    socket.result(first, { sorted: 3 });
    expect(await socket.heard('result.ok')).toEqual({ type: 'result.ok', taskId: waiting.id, status: 'done' });
    expect(await read(waiting.id)).toMatchObject({ status: 'done', result: { sorted: 3 } });
    const next = await createTask(gateway.owner);
    const second = await socket.task();
    expect(second.task.id).toBe(next.id);
    expect(await query('select instance_id, last_seen_at is not null as seen from agent_sessions')).toHaveLength(1);
    socket.say('fail', { taskId: next.id, lease: bare(second.lease), kind: 'permanent', error: 'no stamps' });
    expect(await socket.heard('result.ok', 2)).toMatchObject({ taskId: next.id, status: 'failed' });
  });
});
