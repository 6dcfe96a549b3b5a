import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

type Act =
  'claim' | 'offer' | 'acknowledge' | 'give back' | 'pause' | 'resume' | 'disable' | 'enable' | 'be silent' | 'watch';

const ACTS: Act[] = [
  'claim',
  'offer',
  'acknowledge',
  'give back',
  'pause',
  'resume',
  'disable',
  'enable',
  'be silent',
  'watch',
];
const AGENTS = 3;

interface Step {
  agent: string;
  from: string;
  to: string;
}

describe('the states of agents under many hands', () => {
  let db: TestDatabase;
  let agents: string[];

  beforeAll(async () => {
    db = await openTestDatabase({ poolSize: 8 });
  });
  afterAll(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const begin = async () => {
    await query('delete from tasks where workspace_id = $1', [db.workspaceId]);
    agents = Array.from({ length: AGENTS }, () => newId());
    await query(
      `insert into agents (organization_id, id, name, max_concurrent) select $1, id, id::text, 3 from unnest($2::uuid[]) as n(id)`,
      [db.organizationId, agents],
    );
    const tasks = Array.from({ length: 20 }, () => ({ id: newId(), title: 'task', priority: 'normal' }));
    await query('select create_tasks($1, $2, $3, $4)', [
      db.organizationId,
      db.workspaceId,
      'system',
      JSON.stringify(tasks),
    ]);
  };
  const register = (agent: string, change: string) =>
    query(
      `with changed as (update agents set ${change} where id = $2 returning id)
       select note_agents($1, array(select id from changed), false, 'system')`,
      [db.organizationId, agent],
    );
  const claim = (agent: string, acked: boolean) =>
    query(`select verdict from claim_task($1, $2, $3, $4, $5, 'system')`, [
      ...[db.organizationId, db.workspaceId, agent, newId(), acked],
    ]);
  const withLeaseOf = (agent: string, status: string, sql: string) =>
    query(
      `with mine as (select id, lease_id, lease_fence from tasks where lease_agent_id = $2 and status = '${status}' limit 1)
       ${sql}`,
      [db.organizationId, agent, db.workspaceId],
    );
  const perform = (act: Act, agent: string): Promise<unknown> => {
    switch (act) {
      case 'claim':
        return claim(agent, true);
      case 'offer':
        return claim(agent, false);
      case 'acknowledge':
        return withLeaseOf(
          agent,
          'assigned',
          `select (acknowledge_tasks($1, jsonb_build_array(jsonb_build_object(
             'workspace_id', $3::uuid, 'id', id, 'lease', lease_id, 'fence', lease_fence, 'agent', $2::uuid, 'actor', 'system')))).verdict from mine`,
        );
      case 'give back':
        return giveBack(agent);
      case 'pause':
        return register(agent, 'paused_at = now()');
      case 'resume':
        return register(agent, 'paused_at = null');
      case 'disable':
        return register(agent, 'enabled = false');
      case 'enable':
        return register(agent, 'enabled = true');
      case 'be silent':
        return query(
          `update agent_presence set last_seen_at = now() - interval '1 minute', wake_at = now() where agent_id = $1`,
          [agent],
        );
      case 'watch':
        return db.database.statement('select note_due_agents($1, 100)', [db.organizationId]);
    }
  };
  const giveBack = (agent: string) =>
    db.database.inOrganization(db.organizationId, async (tx) => {
      const [task] = await tx.query<{ id: string }>(
        `select id from tasks where workspace_id = $1 and lease_agent_id = $2 order by id limit 1 for update skip locked`,
        [db.workspaceId, agent],
      );
      if (!task) return;
      const move = {
        workspace_id: db.workspaceId,
        id: task.id,
        to: 'inbox',
        actor: 'system',
        attempt: { kind: 'released' },
        events: [],
      };
      await tx.query('select move_tasks($1, $2)', [db.organizationId, JSON.stringify([move])]);
    });
  /** In the order in which they were written; the ledger's own order is that of the writing transactions. */
  const steps = () =>
    query<Step>(
      `select data->>'agentId' as agent, data->>'from' as "from", data->>'to' as "to" from events
        where type = 'agent.state_changed' and subject = any($1::text[]) order by seq`,
      [agents.map((id) => `agent:${id}`)],
    );

  it('are one unbroken line of allowed steps for each agent, that ends where the agent stands and tells the truth', async () => {
    const edges = new Set(
      (await query<{ state: string; next: string }>('select * from agent_transitions()')).map(
        ({ state, next }) => `${state} ${next}`,
      ),
    );
    const act = fc.record({ act: fc.constantFrom(...ACTS), agent: fc.nat({ max: AGENTS - 1 }) });
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.array(act, { minLength: 1, maxLength: 8 }), { minLength: 2, maxLength: 6 }),
        async (rounds) => {
          await begin();
          for (const round of rounds)
            await Promise.all(round.map(({ act: name, agent }) => perform(name, agents[agent]!)));
          await query(`select note_agents($1, $2, false, 'system')`, [db.organizationId, agents]);
          const stands = new Map(agents.map((agent) => [agent, 'offline']));
          for (const { agent, from, to } of await steps()) {
            expect(stands.get(agent)).toBe(from);
            expect(edges).toContain(`${from} ${to}`);
            stands.set(agent, to);
          }
          const truth = await query<{ id: string; state: string; derived: string }>(
            `select a.id, p.state, agent_state_of(a.enabled, a.paused_at is not null, a.draining_at is not null,
                    t.assigned + t.working > 0 or coalesce(p.last_seen_at > now() - agent_silence(), false), t.assigned, t.working, false) as derived
             from agents a join agent_presence p on p.agent_id = a.id,
                  lateral (select (count(*) filter (where status = 'assigned'))::int as assigned,
                                  (count(*) filter (where status = 'in_progress'))::int as working
                             from tasks where lease_agent_id = a.id and lease_expires_at > now()) t
            where a.id = any($1::uuid[])`,
            [agents],
          );
          expect(truth).toHaveLength(AGENTS);
          for (const { id, state, derived } of truth) expect([state, stands.get(id)]).toEqual([derived, derived]);
        },
      ),
      { numRuns: 20, endOnFailure: true },
    );
  }, 120_000);

  it('need no last look: whoever acts has told what changed by then', async () => {
    await begin();
    for (const act of [
      'claim',
      'give back',
      'offer',
      'acknowledge',
      'pause',
      'resume',
      'give back',
      'disable',
      'enable',
    ] as const) {
      await perform(act, agents[0]!);
      const [row] = await query<{ changed: number }>(`select note_agents($1, $2, false, 'system') as changed`, [
        db.organizationId,
        [agents[0]],
      ]);
      expect([act, row?.changed]).toEqual([act, 0]);
    }
  });
});
