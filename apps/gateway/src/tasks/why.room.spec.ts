import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { WhyView } from './why.view.js';

describe('why nobody works on a task', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const why = async (id: string) => bodyOf<WhyView>(await gateway.owner.get(`/api/tasks/${id}/why`), 200);
  const patch = async (agentId: string, body: object) =>
    bodyOf(await gateway.owner.patch(`/api/agents/${agentId}`, body), 200);

  it('names the agent that it is reserved for, also while that one is out of service', async () => {
    const agent = await insertAgent(gateway.db);
    const { id } = await createTask(gateway.owner, { assignee: agent.name });
    const refused = { reason: 'paused', candidates: [{ agent: agent.name, refusal: 'paused', until: null }] };
    for (const out of [{ enabled: false }, { enabled: true, lifecycle: 'deprecated' }]) {
      await patch(agent.id, out);
      expect(await why(id)).toMatchObject(refused);
      expect(await why(id)).not.toHaveProperty('until');
    }
    await patch(agent.id, { lifecycle: 'active' });
    expect((await why(id)).reason).toBe('no_agent_connected');
  });

  it('does not name agents out of service where anybody may do it', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'welsh', level: 3 }] });
    const { id } = await createTask(gateway.owner, { requiredCapabilities: ['welsh'] });
    await patch(agent.id, { enabled: false });
    expect(await why(id)).toMatchObject({ reason: 'no_able_agent', candidates: [] });
  });

  it('tells when the hours of the only able agent begin', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'breton', level: 3 }] });
    const { id } = await createTask(gateway.owner, { requiredCapabilities: ['breton'] });
    const inTwoDays = new Date(Date.now() + 48 * 3_600_000);
    const day = inTwoDays.toLocaleDateString('en-US', { weekday: 'long', timeZone: 'UTC' }).toLowerCase();
    await patch(agent.id, { weekly: { timezone: 'UTC', windows: [{ day, from: '09:00', to: '17:00' }] } });
    const { reason, until } = await why(id);
    expect([reason, until]).toEqual(['paused', expect.stringMatching(/T09:00:00.000Z$/)]);
  });

  it('names the budget that has no room', async () => {
    const agent = await insertAgent(gateway.db, { capabilities: [{ name: 'manx', level: 3 }] });
    bodyOf(await gateway.owner.post('/api/budgets', { name: 'purse', limitUsd: '1', period: 'day' }), 201);
    const { id } = await createTask(gateway.owner, { requiredCapabilities: ['manx'], budgetUsd: '2' });
    expect((await gateway.owner.post(`/api/agents/${agent.id}/claim`)).status).toBe(204);
    expect(await why(id)).toMatchObject({
      reason: 'retry_wait',
      until: expect.any(String),
      waitsFor: [{ kind: 'budget', reason: 'The budget purse has no room.' }],
    });
  });

  describe('of an agent that is connected', () => {
    const query = <Row>(sql: string, parameters: unknown[] = []) =>
      gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
    const connected = async (capability: string, session: string) => {
      const agent = await insertAgent(gateway.db, { capabilities: [{ name: capability, level: 3 }], maxConcurrent: 5 });
      const { organizationId, workspaceId } = gateway.db;
      await query(
        `insert into agent_sessions (organization_id, workspace_id, agent_id, instance_id, session_id, key_id, gateway,
                                     max_concurrent, unacknowledged, last_offered_at, capabilities)
         select $1, $2, $3, 'i', gen_random_uuid(), gen_random_uuid(), 'here', s.max_concurrent, s.unacknowledged,
                now() - s.seconds * interval '1 second', s.capabilities
           from jsonb_to_record($4) as s(max_concurrent int, unacknowledged int, seconds int, capabilities jsonb)`,
        [organizationId, workspaceId, agent.id, session],
      );
      await query('select note_agents($1, array[$2::uuid], true, $3)', [organizationId, agent.id, 'system']);
      return agent;
    };
    const asked = async (capability: string) =>
      (await createTask(gateway.owner, { requiredCapabilities: [capability] })).id;

    it('but left offers unanswered, tells until when it rests', async () => {
      const { name } = await connected('gaelic', '{"unacknowledged": 2, "seconds": 12}');
      const { reason, until, candidates } = await why(await asked('gaelic'));
      expect(reason).toBe('paused');
      expect(candidates).toMatchObject([{ agent: name, connected: true, refusal: 'paused', until }]);
      const inMs = Date.parse(until!) - Date.now();
      expect(inMs).toBeGreaterThan(10_000);
      expect(inMs).toBeLessThan(19_000);
    });

    it('and has rested, it does not', async () => {
      await connected('breizh', '{"unacknowledged": 1, "seconds": 21}');
      expect(await why(await asked('breizh'))).not.toHaveProperty('until');
    });

    it('and has as much as it said it can take, tells that', async () => {
      const { id } = await connected('romansh', '{"max_concurrent": 1, "unacknowledged": 0, "seconds": 1}');
      await asked('romansh');
      await claim(gateway.owner, id);
      expect(await why(await asked('romansh'))).toMatchObject({ reason: 'at_capacity' });
    });

    it('while only instances that are not able to do it rest, it does not tell of their rest', async () => {
      await connected('ladin', '{"unacknowledged": 3, "seconds": 1, "capabilities": [{"name": "other"}]}');
      expect(await why(await asked('ladin'))).toMatchObject({ reason: 'no_agent_connected' });
    });
  });

  it('tells that all who are there are busy, whoever else might come', async () => {
    const busy = await insertAgent(gateway.db, { capabilities: [{ name: 'cornish', level: 3 }] });
    await insertAgent(gateway.db, { capabilities: [{ name: 'cornish', level: 5 }] });
    await createTask(gateway.owner, { requiredCapabilities: ['cornish'] });
    await claim(gateway.owner, busy.id);
    const { id } = await createTask(gateway.owner, { requiredCapabilities: ['cornish'] });
    expect((await why(id)).reason).toBe('at_capacity');
  });
});
