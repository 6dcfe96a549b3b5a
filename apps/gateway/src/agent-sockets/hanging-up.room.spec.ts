import { createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { ConnectedAgent } from '../../../../test/support/connected-agent.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';
import { AgentStore } from '../agents/agent.store.js';

describe('an agent that hangs up', () => {
  let house: SocketHouse;
  let gateway: TestGateway;

  beforeAll(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterAll(() => house.close());

  const stateOf = async (id: string) =>
    bodyOf<{ state: string }>(await gateway.owner.get(`/api/agents/${id}`), 200).state;
  const sessionsOf = async (id: string) =>
    (await house.query('select from agent_sessions where agent_id = $1', [id])).length;
  const changesOf = (id: string) =>
    house.query<{ actor: string; data: object }>(
      "select actor, data from events where subject = $1 and type = 'agent.state_changed' order by seq",
      [`agent:${id}`],
    );

  it.each(['close', 'terminate'] as const)('is offline at once, and told so: %s', async (way) => {
    const { id, name, socket } = await house.agentWith();
    expect(await stateOf(id)).toBe('idle');
    socket[way]();
    await until(async () => (await stateOf(id)) === 'offline', 5_000);
    const changes = await changesOf(id);
    expect(changes.map(({ data }) => data)).toMatchObject([
      { from: 'offline', to: 'idle' },
      { agentId: id, name, from: 'idle', to: 'offline', lastSeenAt: expect.any(String) },
    ]);
    expect(changes[1]!.actor).toMatch(/^key:/);
    const agent = bodyOf<{ health: string; lastSeenAt: string }>(await gateway.owner.get(`/api/agents/${id}`), 200);
    expect(agent.health).toBe('offline');
    expect(Date.now() - Date.parse(agent.lastSeenAt)).toBeLessThan(60_000);
  });

  it('and comes back is there again at once', async () => {
    const { id, socket } = await house.agentWith();
    for (const again of [socket, null]) {
      (again ?? (await house.connect(id))).close();
      await until(async () => (await stateOf(id)) === 'offline', 5_000);
    }
    await house.connect(id);
    expect(await stateOf(id)).toBe('idle');
    expect((await gateway.owner.post(`/api/agents/${id}/pause`)).status).toBe(200);
    expect(await stateOf(id)).toBe('paused');
  });

  it('is there as long as it has another socket, through another gateway too', async () => {
    const other = await startGateway({ db: gateway.db });
    const { id, socket } = await house.agentWith();
    const elsewhere = await ConnectedAgent.connect(id, { url: other.url, key: gateway.db.ownerKey });
    socket.close();
    await until(async () => (await sessionsOf(id)) === 1);
    expect(await stateOf(id)).toBe('idle');
    elsewhere.close();
    await until(async () => (await stateOf(id)) === 'offline', 5_000);
    await other.close();
  });

  it('is gone also while somebody is changing it', async () => {
    const { id, socket } = await house.agentWith();
    await gateway.db.database.inOrganization(gateway.db.organizationId, async (tx) => {
      await gateway.app.get(AgentStore).lock(tx, id);
      socket.close();
      await until(async () => (await sessionsOf(id)) === 0);
    });
    expect(await stateOf(id)).toBe('offline');
  });

  it('is not there by a socket whose gateway died with it', async () => {
    const { id, socket } = await house.agentWith();
    await house.query(
      `insert into agent_sessions (organization_id, workspace_id, agent_id, instance_id, session_id, key_id, gateway, last_seen_at)
       select organization_id, workspace_id, agent_id, 'lost', gen_random_uuid(), key_id, 'gone', now() - interval '50 seconds'
         from agent_sessions where agent_id = $1`,
      [id],
    );
    socket.close();
    await until(async () => (await stateOf(id)) === 'offline', 5_000);
  });

  it('is not gone when another connection of the same instance has taken its place', async () => {
    const { id, socket } = await house.agentWith({}, { instanceId: 'one' });
    await house.connect(id, { instanceId: 'one' });
    expect(await socket.hasClosed()).toMatchObject({ reason: 'replaced' });
    expect(await stateOf(id)).toBe('idle');
    expect(await changesOf(id)).toHaveLength(1);
  });

  it('in the middle of a task is at work until its lease has ended', async () => {
    const { id, socket } = await house.agentWith();
    const task = await createTask(gateway.owner, { assignee: id });
    await socket.task();
    await until(async () => (await house.read(task.id)).status === 'in_progress');
    socket.close();
    await until(async () => (await sessionsOf(id)) === 0);
    expect(await stateOf(id)).toBe('working');
    await house.query("update tasks set lease_expires_at = now() - interval '1 millisecond' where id = $1", [task.id]);
    await house.query("select note_agents($1, array[$2::uuid], false, 'system')", [gateway.db.organizationId, id]);
    expect(await stateOf(id)).toBe('offline');
  });

  it('but asks over HTTP is there as long as it goes on asking', async () => {
    const { id, socket } = await house.agentWith();
    await house.query(`update agent_presence set last_seen_at = now() + interval '4 seconds' where agent_id = $1`, [
      id,
    ]);
    socket.close();
    await until(async () => (await sessionsOf(id)) === 0);
    expect(await stateOf(id)).toBe('idle');
    const late = await insertAgent(gateway.db);
    (await house.connect(late.id)).close();
    await until(async () => (await stateOf(late.id)) === 'offline', 5_000);
    expect((await gateway.owner.post(`/api/agents/${late.id}/claim`)).status).toBe(204);
    expect(await stateOf(late.id)).toBe('idle');
  });
});
