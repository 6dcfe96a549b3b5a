import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import type { TaskWithEdges } from './task.view.js';

export interface PresentedLease {
  id: string;
  fence: number;
}

/** Who presents a lease. `agentId` null: somebody who may act for any agent. */
export interface LeaseBearer extends WorkspaceScope {
  agentId: string | null;
  actor: string;
}

/** Somebody else's lease. */
export interface Holder {
  agentId: string;
  name: string;
  alive: boolean;
  expiresAt: string;
}

/** Why a lease that was presented is not in force. */
export type Unheld = { verdict: 'lease_lost'; holder: Holder | null } | { verdict: 'forbidden' | 'missing' };

export type Judged = { verdict: 'held'; task: TaskRow } | Unheld;

export type ClaimVerdict = 'none' | 'at_capacity' | 'paused' | 'quota' | 'unknown_agent';

export type Claimed = { verdict: 'claimed'; task: TaskWithEdges } | { verdict: ClaimVerdict; idle: boolean };

/** An attempt's run, as far as pricing it needs to know. */
export interface AttemptRun {
  executionId: string;
  agentId: string;
  model: string;
  provider: string;
  status: string;
  inputTokens: number;
  outputTokens: number;
}

export interface Parking {
  workspaceId: string;
  /** Who met the end of the quota. */
  agentId: string;
  /** Whose quota it is; null: unknown. */
  provider: string | null;
  /** Null: unknown. */
  until: Date | null;
  reason: string;
}

interface JudgedRow extends TaskRow {
  verdict: 'held' | 'lease_lost' | 'forbidden' | 'missing';
  holder: Holder | null;
}

/** What workers do to tasks: each call enters the organization by itself, because an agent's leases count everywhere. */
@Injectable()
export class WorkStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  async claim(scope: WorkspaceScope, agentId: string, leaseId: string, actor: string): Promise<Claimed> {
    const [row] = await this.db.statement<TaskWithEdges & { verdict: ClaimVerdict | 'claimed'; idle: boolean }>(
      `select c.verdict, c.idle, (c.task).*, '{}'::uuid[] as depends_on from claim_task($1, $2, $3, $4, true, $5) c`,
      [scope.organizationId, scope.workspaceId, agentId, leaseId, actor],
    );
    if (!row) throw new Error('claim_task answered nothing');
    const { verdict, idle, ...task } = row;
    return verdict === 'claimed' ? { verdict, task } : { verdict, idle };
  }

  async heartbeat(
    bearer: LeaseBearer,
    taskId: string,
    lease: PresentedLease,
    told: { progress?: unknown; tokens: number | null },
  ): Promise<Judged> {
    const rows = await this.db.statement<JudgedRow>(
      'select j.verdict, j.holder, (j.task).* from heartbeat_task($1, $2, $3, $4, $5, $6, $7, $8, $9) j',
      [
        bearer.organizationId,
        bearer.workspaceId,
        taskId,
        lease.id,
        lease.fence,
        bearer.agentId,
        told.progress === undefined ? null : JSON.stringify(told.progress),
        told.tokens,
        bearer.actor,
      ],
    );
    return judged(rows);
  }

  /** Locks the task, and says whether the lease is the present one. */
  async judge(tx: Tx, bearer: LeaseBearer, taskId: string, lease: PresentedLease): Promise<Judged> {
    const rows = await tx.query<JudgedRow>(
      'select j.verdict, j.holder, (j.task).* from judge_lease($1, $2, $3, $4, $5) j',
      [bearer.workspaceId, taskId, lease.id, lease.fence, bearer.agentId],
    );
    return judged(rows);
  }

  /** Remembers whose money the attempt spends. @returns false when the lease was lost meanwhile */
  async attachExecution(scope: WorkspaceScope, task: TaskRow, executionId: string): Promise<boolean> {
    return this.db.inWorkspace(scope, async (tx) => {
      const attached = await tx.query(
        'update tasks set execution_id = $3 where workspace_id = $1 and id = $2 and lease_id = $4 returning id',
        [scope.workspaceId, task.id, executionId, task.lease_id],
      );
      if (attached.length === 0) return false;
      await tx.query(
        'update task_attempts set execution_id = $4 where workspace_id = $1 and task_id = $2 and fence = $3',
        [scope.workspaceId, task.id, task.lease_fence, executionId],
      );
      return true;
    });
  }

  /** The run of a leased task's attempt; null when no money was held for it. */
  async runOf(scope: WorkspaceScope, taskId: string, fence: number): Promise<AttemptRun | null> {
    const [run] = await this.db.inWorkspace(scope, (tx) =>
      tx.query<AttemptRun>(
        `select e.id as "executionId", a.agent_id as "agentId", e.model, e.provider, e.status,
                e.input_tokens::float8 as "inputTokens", e.output_tokens::float8 as "outputTokens"
           from task_attempts a join executions e on e.workspace_id = a.workspace_id and e.id = a.execution_id
          where a.workspace_id = $1 and a.task_id = $2 and a.fence = $3`,
        [scope.workspaceId, taskId, fence],
      ),
    );
    return run ?? null;
  }

  /** Gives the provider's agents, or this agent alone, no work of the workspace until its quota is there again. */
  async park(tx: Tx, { workspaceId, agentId, provider, until, reason }: Parking): Promise<void> {
    await tx.query('select park_quota($1, $2, $3, $4, $5, $6)', [
      ...[tx.organizationId, workspaceId, agentId, provider],
      ...[until?.toISOString() ?? null, reason.slice(0, 500)],
    ]);
  }

  /** What an agent runs on. */
  async engineOf(tx: Tx, agentId: string): Promise<{ provider: string | null; models: string[]; name: string } | null> {
    const [agent] = await tx.query<{ provider: string | null; models: string[]; name: string }>(
      'select name, provider, models from agents where id = $1',
      [agentId],
    );
    return agent ?? null;
  }
}

function judged(rows: JudgedRow[]): Judged {
  const [row] = rows;
  if (!row) throw new Error('The lease was not judged');
  const { verdict, holder, ...task } = row;
  switch (verdict) {
    case 'held':
      return { verdict, task };
    case 'lease_lost':
      return { verdict, holder };
    case 'forbidden':
    case 'missing':
      return { verdict };
  }
}
