import { Inject, Injectable } from '@nestjs/common';
import type { ApprovalRow } from '@houston/common/approvals/approval.row.js';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import { EVENT_COLUMNS, type LedgerEvent } from '@houston/common/events/event-reader.js';
import type { ExecutionRow } from '../executions/execution.row.js';
import { looksLikeId } from '../http/uuid.js';

const MAX_APPROVALS = 50;
const MAX_EVENTS = 500;
const MAX_RUNS = 50;
/** Runs after a raise among which the one that was refused before is looked for. */
const MAX_LOOKED_AT = 10_000;
/** Asked again word for word: nothing else ties what a raise let in to what was refused. */
const AGAIN = `select again.* from executions x
   join approvals a on a.workspace_id = x.workspace_id and a.execution_id = x.id and a.kind = 'raise' and a.status = 'approved'
   join budget_raises r on r.budget_id = a.budget_id and r.approval_id = a.id
  cross join lateral (
    select * from (
      select * from executions where workspace_id = $1 and started_at between r.granted_at and r.until
       order by started_at limit ${MAX_LOOKED_AT}
    ) e
    where e.agent_id = x.agent_id and e.status <> 'denied' and r.budget_id = any(e.budget_ids)
      and (e.model, e.provider, e.trigger) = (x.model, x.provider, x.trigger)
      and (e.task_id, e.parent_id, e.tags, e.metadata, e.estimate)
          is not distinct from (x.task_id, x.parent_id, x.tags, x.metadata, x.estimate)
    order by e.started_at limit 1
  ) again
  where x.workspace_id = $1 and x.id = $2`;

/** When the run of the task ($3) that began before this one ($2, $4) was over. */
const RUN_BEFORE = `(select max(coalesce(p.ended_at, p.started_at)) from executions p
   where p.workspace_id = $1 and p.task_id = $3::text and p.id <> $2 and p.started_at < $4::timestamptz)`;

export interface ReplayRows {
  execution: ExecutionRow;
  /** As the registry said when it ran; null: the agent was not in it yet. */
  agentVersion: { version: number; snapshot: Record<string, unknown> } | null;
  task: { id: string; title: string; status: string } | null;
  /** About the run, or asked about its task (and about no other run) since the task's run before it; oldest first. */
  approvals: ApprovalRow[];
  /** Whatever names one of these approvals. */
  events: LedgerEvent[];
  /** Runs that came out of it, that a raise let in after it was refused, or that took its task further. */
  runs: ExecutionRow[];
}

/** What the ledger and the rows know of one run. Nothing is kept for this. */
@Injectable()
export class ReplayStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  read(scope: WorkspaceScope, id: string): Promise<ReplayRows | null> {
    return this.db.inWorkspace(scope, async (tx) => {
      const key = [scope.workspaceId, id];
      const [execution] = await tx.query<ExecutionRow>(
        'select * from executions where workspace_id = $1 and id = $2',
        key,
      );
      if (!execution) return null;
      const approvals = await this.approvals(tx, execution);
      return {
        execution,
        agentVersion: await this.agentVersion(tx, execution),
        task: await this.task(tx, execution),
        approvals,
        events: await this.events(tx, scope, approvals),
        runs: await this.runs(tx, execution),
      };
    });
  }

  private async agentVersion(tx: Tx, { agent_id, started_at }: ExecutionRow): Promise<ReplayRows['agentVersion']> {
    const [row] = await tx.query<NonNullable<ReplayRows['agentVersion']>>(
      `select version, snapshot from agent_versions where agent_id = $1 and created_at <= $2 order by version desc limit 1`,
      [agent_id, started_at.toISOString()],
    );
    return row ?? null;
  }

  private async task(tx: Tx, { workspace_id, task_id }: ExecutionRow): Promise<ReplayRows['task']> {
    if (task_id === null || !looksLikeId(task_id)) return null;
    const [row] = await tx.query<NonNullable<ReplayRows['task']>>(
      'select id, title, status from tasks where workspace_id = $1 and id = $2',
      [workspace_id, task_id],
    );
    return row ?? null;
  }

  private approvals(tx: Tx, execution: ExecutionRow): Promise<ApprovalRow[]> {
    const { workspace_id, id, task_id, started_at, ended_at } = execution;
    const taskId = task_id !== null && looksLikeId(task_id) ? task_id : null;
    return tx.query(
      `select * from (
         select * from approvals where workspace_id = $1 and execution_id = $2
         union
         select * from approvals where workspace_id = $1 and task_id = $3 and execution_id is null
            and created_at >= least($4::timestamptz, coalesce(${RUN_BEFORE}, '-infinity'))
            and ($5::timestamptz is null or created_at <= $5)
       ) a order by created_at, id limit ${MAX_APPROVALS}`,
      [workspace_id, id, taskId, started_at.toISOString(), ended_at?.toISOString() ?? null],
    );
  }

  private events(tx: Tx, { workspaceId }: WorkspaceScope, approvals: readonly ApprovalRow[]): Promise<LedgerEvent[]> {
    return tx.query(
      `select ${EVENT_COLUMNS} from events where workspace_id = $1 and approval_id = any($2) order by seq limit ${MAX_EVENTS}`,
      [workspaceId, approvals.map((approval) => approval.id)],
    );
  }

  private runs(tx: Tx, { workspace_id, id, task_id, started_at }: ExecutionRow): Promise<ExecutionRow[]> {
    return tx.query(
      `select * from (
         select * from executions where workspace_id = $1 and parent_id = $2
         union
         select * from executions where workspace_id = $1 and task_id = $3 and started_at >= $4 and id <> $2
         union
         ${AGAIN}
       ) x order by started_at, id limit ${MAX_RUNS}`,
      [workspace_id, id, task_id, started_at.toISOString()],
    );
  }
}
