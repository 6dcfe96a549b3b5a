import { v7 as newId } from 'uuid';
import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('heartbeats in a workspace that has switched off what they write', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const flag = async (heartbeats: boolean) =>
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { features: { heartbeats } } }), 200);
  const presence = async (agentId: string) => {
    const [row] = await query<{ state: string; silent: boolean }>(
      "select state, last_seen_at < now() - interval '20 seconds' as silent from agent_presence where agent_id = $1",
      [agentId],
    );
    return row;
  };

  it('extend the lease and keep its checkpoint, but say nothing of the agent until it is on again', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner);
    const { lease } = await claim(gateway.owner, agent.id);
    await flag(false);
    await query(
      "update agent_presence set last_seen_at = now() - interval '30 seconds', wake_at = now() where agent_id = $1",
      [agent.id],
    );
    await query("update tasks set lease_expires_at = now() + interval '1 second' where id = $1", [id]);
    const presented = { id: lease.id, fence: lease.fence };
    const beat = (page: number) =>
      gateway.owner.post(`/api/tasks/${id}/heartbeat`, { lease: presented, progress: { page } });
    const { lease: extended } = bodyOf<{ lease: { expiresAt: string } }>(await beat(1), 200);
    expect(Date.parse(extended.expiresAt)).toBeGreaterThan(Date.now() + 15_000);
    expect(await presence(agent.id)).toEqual({ state: 'working', silent: true });
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${id}`), 200)).toMatchObject({ progress: { page: 1 } });
    await flag(true);
    bodyOf(await beat(2), 200);
    expect(await presence(agent.id)).toEqual({ state: 'working', silent: false });
  });

  it('still tell that an offered task was taken up', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner);
    await flag(false);
    const { organizationId, workspaceId } = gateway.db;
    const lease = { id: newId(), fence: 1 };
    const offer = [organizationId, workspaceId, agent.id, lease.id];
    expect(
      await gateway.db.database.statement(`select verdict from claim_task($1, $2, $3, $4, false, 'system')`, offer),
    ).toEqual([{ verdict: 'claimed' }]);
    expect((await presence(agent.id))?.state).toBe('assigned');
    bodyOf(await gateway.owner.post(`/api/tasks/${id}/heartbeat`, { lease }), 200);
    expect((await presence(agent.id))?.state).toBe('working');
  });
});
