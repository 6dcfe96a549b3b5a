import { claim, createTask, insertAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('a quota that is used up', () => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const hit = async (agentId: string, more: object = {}) => {
    const { task, lease } = await claim(gateway.owner, agentId);
    const body = { lease: { id: lease.id, fence: lease.fence }, kind: 'quota', error: '429', ...more };
    return bodyOf<TaskJson>(await gateway.owner.post(`/api/tasks/${task.id}/fail`, body), 200);
  };
  const ask = async (agentId: string, client = gateway.owner) =>
    (await client.post(`/api/agents/${agentId}/claim`)).status;
  const why = async (id: string) =>
    bodyOf<{ reason: string; until?: string }>(await gateway.owner.get(`/api/tasks/${id}/why`), 200);
  const inbox = async () => {
    const state = await gateway.owner.get('/api/dashboard/state');
    const { queueDepth, waiting } = bodyOf<Record<'queueDepth' | 'waiting', Record<string, number>>>(state, 200);
    return { normal: queueDepth['normal'], low: queueDepth['low'], quota: waiting['quota'] };
  };
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

  it('of a provider that the agent does not name keeps away that agent and the agents of the provider, and nobody else', async () => {
    const nameless = await insertAgent(gateway.db);
    const same = await insertAgent(gateway.db, { provider: 'openai' });
    const other = await insertAgent(gateway.db, { provider: 'anthropic' });
    const { id } = await createTask(gateway.owner);
    const resetsAt = inAnHour();
    expect(await hit(nameless.id, { provider: 'openai', resetsAt })).toMatchObject({ attempts: 0, nextRetryAt: null });
    expect([await ask(nameless.id), await ask(same.id)]).toEqual([204, 204]);
    expect((await claim(gateway.owner, other.id)).task.id).toBe(id);
  });

  it('of an agent without a provider keeps away that agent', async () => {
    const [one, two] = [await insertAgent(gateway.db), await insertAgent(gateway.db)];
    await createTask(gateway.owner);
    await hit(one.id);
    expect(await ask(one.id)).toBe(204);
    expect(await ask(two.id)).toBe(200);
  });

  it('is told by /why until when, and by the dashboard, as long as nobody else could take the task', async () => {
    const agent = await insertAgent(gateway.db, { provider: 'openai' });
    const { id } = await createTask(gateway.owner);
    await createTask(gateway.owner, { priority: 'low' });
    const hard = await createTask(gateway.owner, { requiredCapabilities: ['mandarin'] });
    expect(await inbox()).toEqual({ normal: 2, low: 1, quota: 0 });
    const resetsAt = inAnHour();
    await hit(agent.id, { resetsAt });
    expect(await why(id)).toMatchObject({ reason: 'quota', until: resetsAt });
    expect((await why(hard.id)).reason).toBe('no_able_agent');
    expect(await inbox()).toEqual({ normal: 1, low: 0, quota: 2 });
    const other = await insertAgent(gateway.db, { provider: 'anthropic' });
    expect(await inbox()).toEqual({ normal: 2, low: 1, quota: 0 });
    await query('update agents set paused_at = now() where id = $1', [other.id]);
    expect((await inbox()).quota).toBe(2);
    await query(`update provider_parkings set until = now()`);
    expect(await inbox()).toEqual({ normal: 2, low: 1, quota: 0 });
    expect(await ask(agent.id)).toBe(200);
  });

  it('holds in the workspace where it was met', async () => {
    const agent = await insertAgent(gateway.db);
    await createTask(gateway.owner);
    await hit(agent.id, { provider: 'openai', resetsAt: inAnHour() });
    await gateway.workspace('elsewhere');
    const elsewhere = gateway.as(gateway.db.ownerKey, 'elsewhere');
    await createTask(elsewhere);
    expect(await ask(agent.id, elsewhere)).toBe(200);
  });

  it('without a known end is asked again after a minute, and never at once although its end is past', async () => {
    const agent = await insertAgent(gateway.db, { provider: 'openai' });
    await createTask(gateway.owner);
    const seconds = async () => {
      const [row] = await query<{ wait: number }>(
        'select extract(epoch from until - updated_at)::float8 as wait from provider_parkings',
      );
      return row?.wait;
    };
    await hit(agent.id, { resetsAt: '2020-01-01T00:00:00Z' });
    expect(await seconds()).toBeCloseTo(1);
    await query('delete from provider_parkings');
    await hit(agent.id);
    expect(await seconds()).toBeCloseTo(60);
    expect(await query('select * from agent_parkings')).toEqual([]);
  });

  it('that was met twice holds until the later end', async () => {
    const agents = [];
    for (let n = 0; n < 2; n += 1) agents.push(await insertAgent(gateway.db, { provider: 'openai' }));
    await createTask(gateway.owner);
    const { task, lease } = await claim(gateway.owner, agents[0]!.id);
    await createTask(gateway.owner);
    const late = inAnHour();
    await hit(agents[1]!.id, { resetsAt: late });
    const body = { lease: { id: lease.id, fence: lease.fence }, kind: 'quota', error: '429' };
    bodyOf(await gateway.owner.post(`/api/tasks/${task.id}/fail`, body), 200);
    expect((await why(task.id)).until).toBe(late);
  });
});
