import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import type { CostKey } from './cost.dto.js';

export interface CostQuestion {
  from: Date;
  to: Date;
  timezone: string;
  groupBy: CostKey[];
  agentId?: string;
  model?: string;
  provider?: string;
  trigger?: string;
  /** Rows answered, at the most. */
  limit: number;
}

/** One group of one span; sums are decimal text. */
export interface CostGroup {
  /** Of the span before; its rows are not grouped. */
  previous: boolean;
  first_key: string | null;
  second_key: string | null;
  executions: string;
  input_tokens: string;
  output_tokens: string;
  cost_nano: string;
}

/**
 * Costs at this instant, exactly. One statement sees one snapshot, and in it each finished execution stands in exactly
 * one of three places:
 *   - whole quarters of an hour, up to the roll-ups' cursor: the roll-ups;
 *   - whole quarters, after the cursor: the events, whether or not the roll-ups' horizon has reached them. What stands
 *     at or before the cursor was committed when the cursor passed it, so nothing can appear there later;
 *   - the pieces of a quarter at either end of the span: the executions themselves.
 */
@Injectable()
export class CostStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** @param scope without a workspace: all workspaces of the organization */
  async sum(
    scope: WorkspaceScope | { organizationId: string },
    ask: (now: Date) => CostQuestion,
  ): Promise<{ question: CostQuestion; groups: CostGroup[] }> {
    const read = async (tx: Tx) => {
      // Everything acknowledged before the question started before this instant.
      const [clock] = await tx.query<{ now: Date }>(
        `select date_trunc('milliseconds', clock_timestamp()) + interval '1 millisecond' as now`,
      );
      const question = ask(clock?.now ?? new Date());
      return { question, groups: await tx.query<CostGroup>(statement(question.groupBy), parametersOf(question)) };
    };
    return 'workspaceId' in scope
      ? this.db.inWorkspace(scope, read)
      : this.db.inOrganization(scope.organizationId, read);
  }
}

function parametersOf(question: CostQuestion): unknown[] {
  return [
    question.from.toISOString(),
    question.to.toISOString(),
    question.timezone,
    question.agentId ?? null,
    question.model ?? null,
    question.provider ?? null,
    question.trigger ?? null,
    question.limit,
  ];
}

/** A local date or hour of `f.at`. An hour is named by its first instant, so that the hour a clock change repeats is two. */
const KEY_SQL: Record<CostKey, string> = {
  agent: 'f.agent_id::text',
  model: 'f.model',
  provider: 'f.provider',
  workspace: 'f.workspace',
  trigger: 'f.trigger',
  hour: `iso_time(f.at - (f.at at time zone $3 - date_trunc('hour', f.at at time zone $3)))`,
  day: `to_char(f.at at time zone $3, 'YYYY-MM-DD')`,
  week: `to_char(date_trunc('week', f.at at time zone $3), 'YYYY-MM-DD')`,
  month: `to_char(f.at at time zone $3, 'YYYY-MM')`,
};

const WANTED = (row: string) =>
  `($4::uuid is null or ${row}.agent_id = $4) and ($5::text is null or ${row}.model = $5) ` +
  `and ($6::text is null or ${row}.provider = $6) and ($7::text is null or ${row}.trigger = $7)`;

/** The walls around the tables choose the workspaces; what belongs to a deleted one is in none. */
function statement(groupBy: readonly CostKey[]): string {
  const [first = 'null', second = 'null'] = groupBy.map((key) => KEY_SQL[key]);
  return `
  with asked as (
    select true as previous, $1::timestamptz - ($2::timestamptz - $1::timestamptz) as lo, $1::timestamptz as hi
    union all select false, $1::timestamptz, $2::timestamptz
  ), span as (
    select previous, lo, hi, q.lo_whole, q.hi_whole, q.lo_whole < q.hi_whole as has_whole
      from asked cross join lateral (
        select date_bin('15 minutes', lo + interval '15 minutes' - interval '1 microsecond', 'epoch') as lo_whole,
               date_bin('15 minutes', hi, 'epoch') as hi_whole) q
     where $3::text is not null
  ), edge as (
    select previous, lo, case when has_whole then lo_whole else hi end as hi from span
    union all select previous, hi_whole, hi from span where has_whole
  ), rolled_up as (
    select coalesce(max(position), 0) as position, coalesce(max(seq), 0) as seq from event_cursors where reader = 'rollups'
  ), fact as (
    select s.previous, r.bucket as at, w.slug as workspace, r.agent_id, r.model, r.provider, r.trigger,
           r.executions, r.input_tokens, r.output_tokens, r.cost_nano
      from span s join workspaces w on s.has_whole
      join cost_rollups r on r.workspace_id = w.id and r.bucket >= s.lo_whole and r.bucket < s.hi_whole
     where ${WANTED('r')}
    union all
    select s.previous, c.bucket, w.slug, c.agent_id, c.model, c.provider, c.trigger,
           c.executions, c.input_tokens, c.output_tokens, c.cost_nano
      from events e
      join workspaces w on w.id = e.workspace_id
     cross join lateral cost_of_event(e) c
      join span s on s.has_whole and c.bucket >= s.lo_whole and c.bucket < s.hi_whole
     where (e.position, e.seq) > ((select position from rolled_up), (select seq from rolled_up))
       and e.organization_id = (select nullif(current_setting('houston.organization_id', true), '')::uuid)
       and e.type in ('execution.settled', 'execution.cancelled', 'execution.expired', 'execution.recorded')
       and ${WANTED('c')}
    union all
    select g.previous, e.started_at, w.slug, e.agent_id, e.model, e.provider, e.trigger,
           1, e.input_tokens, e.output_tokens, coalesce(e.cost_nano, 0)
      from edge g cross join workspaces w
      join executions e on e.workspace_id = w.id and e.started_at >= g.lo and e.started_at < g.hi
     where e.status not in ('admitted', 'denied') and ${WANTED('e')}
  )
  select f.previous, case when not f.previous then ${first} end as first_key,
         case when not f.previous then ${second} end as second_key,
         sum(f.executions)::text as executions, sum(f.input_tokens)::text as input_tokens,
         sum(f.output_tokens)::text as output_tokens, sum(f.cost_nano)::text as cost_nano
    from fact f
   group by 1, 2, 3
   order by f.previous desc, ${order(groupBy)}
   limit $8`;
}

function order(groupBy: readonly CostKey[]): string {
  const keys = groupBy.map((key, index) => ({ isTime: isTime(key), column: index + 2 }));
  return [
    ...keys.filter((key) => key.isTime).map((key) => `${key.column}`),
    'sum(f.cost_nano) desc',
    ...keys.filter((key) => !key.isTime).map((key) => `${key.column}`),
  ].join(', ');
}

function isTime(key: CostKey): boolean {
  return key === 'hour' || key === 'day' || key === 'week' || key === 'month';
}
