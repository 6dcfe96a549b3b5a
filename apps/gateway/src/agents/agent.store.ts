import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { AgentLifecycle, AgentState } from '@houston/common/domain/agent-states.js';
import { looksLikeId } from '../http/uuid.js';
import type { AgentRegistration, AgentRow } from './agent.row.js';

export interface AgentFilter {
  /** A part of the name, the description or the role. */
  q?: string;
  capability?: string;
  state?: AgentState;
  lifecycle?: AgentLifecycle;
  afterName: string | null;
  limit: number;
}

export interface AgentVersionRow {
  version: number;
  snapshot: Record<string, unknown>;
  created_at: Date;
}

const AGENT = `select a.*, r.name as replaced_by_name, coalesce(p.state, 'offline') as state,
         coalesce(p.health, 'offline') as health, p.last_seen_at, p.state_changed_at, p.degraded_until, p.degraded_reason,
         case when p.degraded_until > now() then 'open' when p.degraded_until is not null then 'half_open' else 'closed' end as breaker_state
    from agents a left join agents r on r.id = a.replaced_by left join agent_presence p on p.agent_id = a.id`;

/** Columns that hold JSON; the driver would send an array as an array of Postgres. */
const JSON_COLUMNS = new Set(['capabilities', 'limits', 'availability', 'breaker', 'metadata']);

/** The agents of an organization. */
@Injectable()
export class AgentStore {
  /** @param ref name or id; a name of the shape of an id can only come from an execution that registered it */
  async find(tx: Tx, ref: string): Promise<AgentRow | null> {
    const [row] = await tx.query<AgentRow>(
      `${AGENT} where a.organization_id = $1 and (a.id = $2::uuid or a.name = $3) order by a.id = $2::uuid desc nulls last limit 1`,
      [tx.organizationId, looksLikeId(ref) ? ref : null, ref],
    );
    return row ?? null;
  }

  /** As `find`, and nobody else changes it, nor gives it work, until the transaction ends. */
  async lock(tx: Tx, ref: string): Promise<AgentRow | null> {
    const found = await this.find(tx, ref);
    if (!found) return null;
    await tx.query('select pg_advisory_xact_lock(hashtextextended($1, 9))', [found.id]); // as claim_task
    // Stronger, it would wait for rows that only refer to the agent, and they for the agent's presence.
    await tx.query('select from agents where id = $1 for no key update', [found.id]);
    return this.find(tx, found.id);
  }

  /** In order of the name. */
  list(tx: Tx, { q, capability, state, lifecycle, afterName, limit }: AgentFilter): Promise<AgentRow[]> {
    return tx.query(
      `${AGENT}
        where a.organization_id = $1
          and ($2::text is null or position(lower($2) in lower(a.name)) > 0
               or position(lower($2) in lower(a.description)) > 0 or position(lower($2) in lower(a.role)) > 0)
          and ($3::text is null or a.capabilities @> jsonb_build_array(jsonb_build_object('name', $3)))
          and ($4::text is null or coalesce(p.state, 'offline') = $4)
          and ($5::text is null or a.lifecycle = $5)
          and ($6::text is null or a.name > $6)
        order by a.name limit $7`,
      [tx.organizationId, q ?? null, capability ?? null, state ?? null, lifecycle ?? null, afterName, limit + 1],
    );
  }

  /** @returns false when the name is taken, or the id */
  async insert(tx: Tx, id: string, name: string, fields: Partial<AgentRegistration>): Promise<boolean> {
    const [columns, values] = parametersOf(fields);
    const names = ['organization_id', 'id', 'name', ...columns];
    const rows = await tx.query(
      `insert into agents (${names.join(', ')}) values (${names.map((_, index) => `$${index + 1}`).join(', ')})
       on conflict do nothing returning id`,
      [tx.organizationId, id, name, ...values],
    );
    return rows.length === 1;
  }

  /** Makes the next version. */
  async change(tx: Tx, id: string, fields: Partial<AgentRegistration>): Promise<void> {
    const [columns, values] = parametersOf(fields);
    const sets = columns.map((column, index) => `${column} = $${index + 2}`);
    await tx.query(
      `update agents set ${[...sets, 'version = version + 1', 'updated_at = now()'].join(', ')} where id = $1`,
      [id, ...values],
    );
  }

  /** Which of these agents exist, by name or id. @returns ref to agent */
  async resolve(tx: Tx, refs: readonly string[]): Promise<Map<string, { id: string; name: string }>> {
    if (refs.length === 0) return new Map();
    const rows = await tx.query<{ ref: string; id: string; name: string }>(
      `select distinct on (r.ref) r.ref, a.id, a.name
         from unnest($2::text[]) r(ref) join agents a on a.organization_id = $1 and (a.name = r.ref or a.id::text = r.ref)
        order by r.ref, a.id::text = r.ref desc`,
      [tx.organizationId, refs],
    );
    return new Map(rows.map(({ ref, id, name }) => [ref, { id, name }]));
  }

  /** Whether `id` already succeeds `successor`, directly or through others. */
  async succeeds(tx: Tx, id: string, successor: string): Promise<boolean> {
    const rows = await tx.query(
      `with recursive line (id) as (
         select $2::uuid union select a.replaced_by from line join agents a on a.id = line.id where a.replaced_by is not null)
       select from line where id = $1`,
      [id, successor],
    );
    return rows.length > 0;
  }

  /** Newest first. @param before continue below this version */
  versions(tx: Tx, id: string, before: number | null, limit: number): Promise<AgentVersionRow[]> {
    return tx.query(
      `select version, snapshot, created_at from agent_versions
        where agent_id = $1 and ($2::int is null or version < $2) order by version desc limit $3`,
      [id, before, limit + 1],
    );
  }
}

/** Column names come from the type, never from a request. */
function parametersOf(fields: Partial<AgentRegistration>): [columns: string[], values: unknown[]] {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return [
    entries.map(([column]) => column),
    entries.map(([column, value]) => (JSON_COLUMNS.has(column) && value !== null ? JSON.stringify(value) : value)),
  ];
}
