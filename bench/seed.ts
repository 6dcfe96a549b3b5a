import type { LabDatabase } from './lab.js';

export const AGENTS = 16;
export const MODEL = 'gpt-4o-mini';
export const STORED_BUDGETS = 10_000;
export const STORED_EXECUTIONS = 1_000_000;

const ADMIT_CHUNK = 1_000;
const HUGE_LIMIT_NANO = '1000000000000000000';

/**
 * Four levels over every run: the organization (the hot budget all runs share), the workspace, the agent, and the agent's
 * model.
 */
export async function seedFourLevels(database: LabDatabase): Promise<void> {
  const { client, organizationId, workspaceId } = database;
  await client.query(
    `insert into agents (organization_id, id, name) select $1, gen_random_uuid(), 'agent-' || n from generate_series(0, $2 - 1) n`,
    [organizationId, AGENTS],
  );
  const budget = `insert into budgets (organization_id, workspace_id, id, name, limit_nano, period, timezone, week_start, agent_id,
                                       model, mode, thresholds)`;
  const rest = `${HUGE_LIMIT_NANO}, 'month', 'UTC', 1`;
  await client.query(
    `${budget} values ($1, null, gen_random_uuid(), 'organization', ${rest}, null, null, 'enforce', '{50,75,90}'),
                      ($1, $2, gen_random_uuid(), 'workspace', ${rest}, null, null, 'enforce', '{50,75,90}')`,
    [organizationId, workspaceId],
  );
  await client.query(
    `${budget} select $1, $2, gen_random_uuid(), 'agent', ${rest}, a.id, m.model, 'enforce', '{50,75,90}'
       from agents a cross join (values (null), ('${MODEL}')) m(model)`,
    [organizationId, workspaceId],
  );
}

/** A house that has been lived in: budgets of ten thousand other agents, and a million settled executions. */
export async function seedFullTables(database: LabDatabase): Promise<void> {
  const { client, organizationId, workspaceId } = database;
  const { rows } = await client.query<{ model: string; id: string }>("select id from agents where name = 'agent-0'");
  await client.query(
    `with more as (
       insert into agents (organization_id, id, name)
       select $1, gen_random_uuid(), 'stored-' || n from generate_series(1, $3) n returning id
     )
     insert into budgets (organization_id, workspace_id, id, name, limit_nano, period, timezone, week_start, agent_id, mode, thresholds)
     select $1, $2, gen_random_uuid(), 'stored', ${HUGE_LIMIT_NANO}, 'month', 'UTC', 1, id, 'enforce', '{50,75,90}' from more`,
    [organizationId, workspaceId, STORED_BUDGETS],
  );
  await client.query(
    `insert into executions (organization_id, workspace_id, id, status, agent_id, model, provider, trigger, requested_nano, held_nano,
                             declared_nano, cost_nano, input_tokens, output_tokens, budget_ids, window_starts, hold_seconds,
                             started_at, ended_at, created_by)
     select $1, $2, gen_random_uuid(), 'succeeded', $3, '${MODEL}', 'openai', 'manual', 450000, 0, 450000, 400000, 1000, 400, '{}', '{}',
            900, now() - n * interval '2 seconds', now() - n * interval '2 seconds', 'system'
       from generate_series(1, $4) n`,
    [organizationId, workspaceId, rows[0]!.id, STORED_EXECUTIONS],
  );
  await client.query(
    `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
     select $1, $2, gen_random_uuid(), 'execution.settled', 'system', 'execution:' || n, '{}' from generate_series(1, $3) n`,
    [organizationId, workspaceId, STORED_EXECUTIONS],
  );
  await client.query('analyze');
  await client.query('checkpoint');
}

/** Admits runs by the ledger's own function and answers their ids, for a load that completes each once. */
export async function admitMany(database: LabDatabase, count: number): Promise<string[]> {
  const { client, organizationId, workspaceId } = database;
  const { rows: budgets } = await client.query<{ id: string }>(
    "select id from budgets where name in ('organization', 'workspace') order by id",
  );
  const ids: string[] = [];
  while (ids.length < count) {
    const { rows } = await client.query<{ id: string }>(
      `with request as materialized (
         select n, uuidv7() as id from generate_series(1, ${ADMIT_CHUNK}) n
       ), admitted as materialized (
         select a.* from (
           select json_agg(json_build_object(
                    'workspace_id', $2::uuid, 'id', id, 'denied_id', id, 'agent_id', (select id from agents where name = 'agent-0'),
                    'model', '${MODEL}', 'provider', 'openai', 'trigger', 'manual', 'requested_nano', 450000, 'hold_seconds', 86400,
                    'created_by', 'system', 'legs', array[1, 2]) order by n) as rows from request
         ) r cross join lateral admit_executions(
           $1, (select policy_version from organizations where id = $1), $3,
           array_fill(450000::bigint * ${ADMIT_CHUNK}, array[2]), r.rows, false) a
       )
       select r.id from request r, admitted a where not a.stale`,
      [organizationId, workspaceId, budgets.map((budget) => budget.id)],
    );
    if (rows.length === 0) throw new Error('Nothing was admitted');
    ids.push(...rows.map((row) => row.id));
  }
  return ids;
}
