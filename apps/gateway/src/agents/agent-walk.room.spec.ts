import { AGENT_STATES, type AgentState } from '@houston/common/domain/agent-states.js';
import { v7 as newId } from 'uuid';
import { claim, createTask, insertAgent, type Lease } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { until } from '../../../../test/support/until.js';
import type { AgentView } from './agent.view.js';

/** What an agent is doing when nobody holds it back. */
const AT_WORK = ['offline', 'idle', 'assigned', 'working', 'blocked'] as const;

describe('an agent walks by its table', () => {
  let gateway: TestGateway;
  let agent: { id: string; name: string };
  const walked = new Set<string>();

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const act = async (verb: string) =>
    bodyOf<AgentView>(await gateway.owner.post(`/api/agents/${agent.id}/${verb}`), 200).state;
  const enable = async (enabled: boolean) =>
    bodyOf<AgentView>(await gateway.owner.patch(`/api/agents/${agent.id}`, { enabled }), 200).state;
  const read = async () => bodyOf<AgentView>(await gateway.owner.get(`/api/agents/${agent.id}`), 200).state;
  const offer = () =>
    query(`select claim_task($1, $2, $3, $4, false, 'system')`, [
      ...[gateway.db.organizationId, gateway.db.workspaceId, agent.id, newId()],
    ]);
  const block = async (id: string, { id: lease, fence }: Lease) =>
    bodyOf(
      await gateway.owner.post(`/api/tasks/${id}/block`, { lease: { id: lease, fence }, blockerReason: 'no access' }),
      200,
    );
  const bring = async (state: (typeof AT_WORK)[number]) => {
    await query('delete from tasks');
    agent = await insertAgent(gateway.db, { maxConcurrent: 5 });
    if (state === 'offline') return;
    await gateway.owner.post(`/api/agents/${agent.id}/claim`);
    if (state === 'idle') return;
    const { id } = await createTask(gateway.owner);
    if (state === 'assigned') return offer();
    const { lease } = await claim(gateway.owner, agent.id);
    if (state === 'blocked') await block(id, lease);
  };
  /** The edges that the ledger tells, in order and without a gap. */
  const told = async (): Promise<string[]> => {
    const rows = await query<{ from: string; to: string }>(
      `select data->>'from' as "from", data->>'to' as "to" from events
        where type = 'agent.state_changed' and subject = $1 order by seq`,
      [`agent:${agent.id}`],
    );
    rows.reduce((stands, { from, to }) => {
      expect(from).toBe(stands);
      return to;
    }, 'offline');
    return rows.map(({ from, to }) => `${from} ${to}`);
  };
  const edges = async () =>
    (await query<{ state: AgentState; next: AgentState }>('select * from agent_transitions()')).map(
      ({ state, next }) => `${state} ${next}`,
    );

  it.each(AT_WORK)('from %s into a pause, a drain and back, whatever it has on lease', async (state) => {
    await bring(state);
    expect(await read()).toBe(state);
    const steps = [
      ...['pause', 'paused', 'pause', 'paused', 'resume', state, 'resume', state, 'drain', 'draining'],
      ...['drain', 'draining', 'pause', 'paused', 'drain', 'draining', 'resume', state],
    ];
    for (let n = 0; n < steps.length; n += 2)
      expect([steps[n], await act(steps[n]!)]).toEqual([steps[n], steps[n + 1]]);
    const before = await told();
    expect(await edges()).toEqual(expect.arrayContaining(before));
    before.forEach((edge) => walked.add(edge));
  });

  it('has then walked every edge that a person can cause', async () => {
    const byHand = (await edges()).filter((edge) => /paused|draining/.test(edge));
    expect([...walked].filter((edge) => /paused|draining/.test(edge)).sort()).toEqual(byHand.sort());
    expect(byHand).toHaveLength(4 * AT_WORK.length + 2);
  });

  it.each(AT_WORK)('from %s to offline when it is disabled, and its leases return without counting', async (state) => {
    await bring(state);
    expect(await enable(false)).toBe('offline');
    expect(await query('select id from tasks where lease_agent_id is not null')).toEqual([]);
    expect(await query(`select id from tasks where attempts > 0 and status = 'inbox'`)).toEqual([]);
    expect(await edges()).toEqual(expect.arrayContaining(await told()));
    expect((await gateway.owner.post(`/api/agents/${agent.id}/claim`)).headers['houston-reason']).toBe('paused');
    expect(AGENT_STATES).toContain(await enable(true));
  });

  it('stays draining when it has nothing left, and takes nothing new', async () => {
    await bring('working');
    expect(await act('drain')).toBe('draining');
    const [task] = await query<{ id: string; lease_id: string; lease_fence: string }>(
      'select id, lease_id, lease_fence from tasks where lease_id is not null',
    );
    const lease = { id: task!.lease_id, fence: Number(task!.lease_fence) };
    bodyOf(await gateway.owner.post(`/api/tasks/${task!.id}/complete`, { lease, result: 1 }), 200);
    await createTask(gateway.owner);
    expect((await gateway.owner.post(`/api/agents/${agent.id}/claim`)).headers['houston-reason']).toBe('paused');
    expect(await read()).toBe('draining');
  });

  it('answers a waiting claim `paused` when it is paused meanwhile, and gives it nothing', async () => {
    await bring('offline');
    const waiting = gateway.owner.post(`/api/agents/${agent.id}/claim?wait=30`).then((answer) => answer);
    await until(async () => (await read()) === 'idle');
    await act('pause');
    const answer = await waiting;
    expect([answer.status, answer.headers['houston-reason']]).toEqual([204, 'paused']);
  });
});
