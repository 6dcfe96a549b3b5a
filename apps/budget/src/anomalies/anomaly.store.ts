import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Anomaly, AnomalyKind, BaselineBucket } from '@houston/common/domain/anomalies.js';

/** Runs of a quarter of an hour that are compared with one another, the latest. */
const MAX_COMPARED = 50_000;
const BASELINE_DAYS = 7;
const QUARTER = `interval '15 minutes'`;

/** What an agent has done in a quarter of an hour. */
export interface PresentConduct {
  /** When it began, as Postgres writes it. */
  quarter: string;
  agentId: string;
  agent: string;
  spentNano: string;
  calls: number;
  repeatedCalls: number;
  denials: number;
}

@Injectable()
export class AnomalyStore {
  /** How long after its end a quarter of an hour is still judged: nobody has looked at its last seconds. */
  protected readonly stillJudgedSeconds: number = 60;

  /** The quarters of an hour to judge, as the roll-ups count them: the present one, and soon after its end the one before. */
  async quarters(tx: Tx): Promise<string[]> {
    const rows = await tx.query<{ quarter: string }>(
      `select distinct date_bin(${QUARTER}, at, 'epoch')::text as quarter
         from (values (now()), (now() - make_interval(secs => $1))) as v (at) order by 1`,
      [this.stillJudgedSeconds],
    );
    return rows.map((row) => row.quarter);
  }

  workspaces(tx: Tx): Promise<{ id: string; settings: Record<string, unknown> }[]> {
    return tx.query('select id, settings from workspaces where organization_id = $1 order by id', [tx.organizationId]);
  }

  /** Agents whose figures reach one of these; of nobody else a baseline is worth reading. */
  conspicuous(
    tx: Tx,
    workspaceId: string,
    quarter: string,
    least: { spentNano: bigint; repeatedCalls: number; denials: number },
  ): Promise<PresentConduct[]> {
    return tx.query(
      `with present as materialized (
         select agent_id, status, denial ->> 'code' as code,
                md5(row(model, provider, trigger, task_id, parent_id, tags, metadata, estimate)::text) as likeness
           from executions where workspace_id = $1 and started_at >= $5::timestamptz and started_at < $5::timestamptz + ${QUARTER}
          order by started_at desc limit ${MAX_COMPARED}
       ), alike as (
         select agent_id, sum(calls) as calls, max(calls) as repeated
           from (select agent_id, likeness, count(*) as calls from present where status <> 'denied' group by 1, 2) l group by 1
       ), refused as (
         -- A frozen budget refuses on purpose: that is no storm of its own making.
         select agent_id, count(*) as denials from present where code = 'budget_exceeded' group by 1
       ), spent as (
         select agent_id, sum(cost_nano) as nano from cost_rollups where workspace_id = $1 and bucket = $5::timestamptz group by 1
       ), conduct as (
         select agent_id, coalesce(s.nano, 0) as nano, coalesce(a.calls, 0) as calls, coalesce(a.repeated, 0) as repeated,
                coalesce(r.denials, 0) as denials
           from alike a full join refused r using (agent_id) full join spent s using (agent_id)
       )
       select $5::text as quarter, c.agent_id as "agentId", g.name as agent, c.nano::bigint::text as "spentNano", c.calls::int as calls,
              c.repeated::int as "repeatedCalls", c.denials::int as denials
         from conduct c join agents g on g.id = c.agent_id
        where c.nano >= $2 or c.repeated >= $3 or c.denials >= $4
        order by c.agent_id`,
      [workspaceId, least.spentNano.toString(), least.repeatedCalls, least.denials, quarter],
    );
  }

  /** Quarters of an hour of the week before in which it did something. */
  async baseline(tx: Tx, workspaceId: string, { quarter, agentId }: PresentConduct): Promise<BaselineBucket[]> {
    const rows = await tx.query<{ nano: string; calls: number }>(
      `select sum(cost_nano)::bigint::text as nano, sum(executions)::int as calls from cost_rollups
        where workspace_id = $1 and agent_id = $2 and bucket < $3::timestamptz
          and bucket >= $3::timestamptz - interval '${BASELINE_DAYS} days'
        group by bucket having sum(executions) > 0`,
      [workspaceId, agentId, quarter],
    );
    return rows.map(({ nano, calls }) => ({ spentNano: BigInt(nano), calls }));
  }

  async isNoted(
    tx: Tx,
    workspaceId: string,
    { quarter, agentId }: PresentConduct,
    kind: AnomalyKind,
  ): Promise<boolean> {
    const rows = await tx.query(
      `select 1 from agent_anomalies where workspace_id = $1 and agent_id = $2 and kind = $3 and bucket = $4`,
      [workspaceId, agentId, kind, quarter],
    );
    return rows.length > 0;
  }

  /** Waits until no run is being admitted, and keeps it so until the transaction ends. */
  async lockMoney(tx: Tx): Promise<void> {
    await tx.query('select lock_money_exclusively($1)', [tx.organizationId]);
  }

  /** @returns false when it was noted for this quarter of an hour already */
  async note(
    tx: Tx,
    workspaceId: string,
    { quarter, agentId }: PresentConduct,
    { kind, evidence }: Anomaly,
  ): Promise<boolean> {
    const rows = await tx.query(
      `insert into agent_anomalies (organization_id, workspace_id, agent_id, kind, bucket, evidence)
       values ($1, $2, $3, $4, $5, $6) on conflict do nothing returning kind`,
      [tx.organizationId, workspaceId, agentId, kind, quarter, JSON.stringify(evidence)],
    );
    return rows.length > 0;
  }

  /**
   * Freezes the agent's own budgets in the workspace for a while; those it shares with others stay as they are. The caller
   * holds the money lock.
   *
   * @returns ids of those that were not frozen before
   */
  async freezeOwn(tx: Tx, workspaceId: string, agentId: string, freeze: NewFreeze): Promise<string[]> {
    const rows = await tx.query<{ id: string; frozen: boolean }>(
      `select b.id, freeze_budget($1, b.id, $4, 'system', now() + make_interval(mins => $5), $6) as frozen
         from (select id from budgets where workspace_id = $2 and agent_id = $3 and deleted_at is null order by id) b`,
      [tx.organizationId, workspaceId, agentId, freeze.reason, freeze.minutes, JSON.stringify(freeze.evidence)],
    );
    return rows.filter(({ frozen }) => frozen).map(({ id }) => id);
  }

  async noteFrozen(
    tx: Tx,
    workspaceId: string,
    { quarter, agentId }: PresentConduct,
    kind: AnomalyKind,
    budgetIds: string[],
  ): Promise<void> {
    await tx.query(
      `update agent_anomalies set frozen_budgets = $5
        where workspace_id = $1 and agent_id = $2 and kind = $3 and bucket = $4`,
      [workspaceId, agentId, kind, quarter, budgetIds],
    );
  }
}

export interface NewFreeze {
  reason: string;
  minutes: number;
  evidence: Record<string, unknown>;
}
