import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { failedMove, returnedMove, type TaskMove } from '@houston/common/tasks/task-move.js';
import { missingFor } from '@houston/common/domain/task-states.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { Pricer } from '../admission/pricer.js';
import { ExecutionService, usageColumns, usageOf } from '../executions/execution.service.js';
import type { Caller } from '../http/caller.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { bearerOf } from './bearer.js';
import { LateUse } from './late-use.js';
import { type LeaseActed, LeaseActs, type Moved } from './lease-acts.js';
import type { LeaseAct } from './lease-words.js';
import type { HeldTask, Presented } from './lease.store.js';
import { requireProofs, requireShape } from './proofs.js';
import { TaskStore } from './task.store.js';
import { type HeartbeatView, leaseView } from './task.view.js';
import type { BlockDto, CompleteDto, FailDto, HeartbeatDto, LeasedDto, LeaseDto, ReleaseDto } from './work.dto.js';
import { type Holder, type Judged, type Unheld, WorkStore } from './work.store.js';

const MAX_PARKING_MS = 31 * 86_400_000;

/** What every report carries: the lease, and what the attempt has used where the agent says so. */
interface Told {
  lease: LeaseDto;
  usage?: Record<string, unknown>;
}

interface Ending {
  caller: Caller;
  /** The task's. */
  id: string;
  told: Told;
  /** The task as it is then is wanted. */
  isRowWanted: boolean;
}

/** What the holder of a lease says of its task. Every word presents the lease; a stale one changes nothing. */
@Injectable()
export class WorkService {
  constructor(
    @Inject(WorkStore) private readonly work: WorkStore,
    @Inject(LeaseActs) private readonly acts: LeaseActs,
    @Inject(ExecutionService) private readonly executions: ExecutionService,
    @Inject(Pricer) private readonly pricer: Pricer,
    @Inject(LateUse) private readonly late: LateUse,
    @Inject(TaskStore) private readonly tasks: TaskStore,
  ) {}

  /** The agent has taken an offer up: from now on the lease runs its full time. @throws Problem not_found, lease_lost */
  async acknowledge(caller: Caller, id: string, { lease }: LeasedDto): Promise<void> {
    const acknowledged = await this.acts.acknowledge(this.presented(caller, id, { lease }));
    if (acknowledged.verdict !== 'held') throw refusal(acknowledged);
  }

  /** Extends the lease, and says whether the money still suffices. */
  async heartbeat(caller: Caller, id: string, body: HeartbeatDto): Promise<HeartbeatView> {
    const usage = body.usage === undefined ? null : usageOf(body.usage);
    const tokens = usage === null ? null : usage.inputTokens + usage.outputTokens;
    const told = { progress: body.progress, tokens };
    const judged = await this.work.heartbeat(bearerOf(caller), id, body.lease, told);
    if (judged.verdict === 'lease_lost' && usage !== null) {
      await this.late.count(caller, id, body.lease.fence, usage, false);
    }
    const task = heldTask(judged);
    const answer = { continue: true, lease: leaseView(task) };
    if (body.usage === undefined || task.execution_id === null) return answer;
    const money = await this.executions.report(caller, task.execution_id, body.usage);
    return { ...answer, continue: money.continue, ...(money.reason === undefined ? {} : { reason: money.reason }) };
  }

  /** @throws Problem lease_lost, evidence_required, output_schema_mismatch */
  async complete(caller: Caller, id: string, body: CompleteDto, isRowWanted = false): Promise<Moved> {
    const settle = await this.settlementOf(caller, id, body);
    return this.act({ caller, id, told: body, isRowWanted }, async (task, tx) => {
      const to = body.outcome === 'review' ? 'review' : 'done';
      const { evidence, result } = body;
      const isProved = missingFor(to, { evidence, result }) === null;
      const document = isProved ? null : await this.tasks.documentOf(tx, task.workspace_id, id);
      requireProofs(missingFor(to, { evidence, result, evidenceRef: document }));
      const evidenceRef = document ?? (typeof evidence === 'string' ? evidence : undefined);
      requireShape(task, body.result);
      const type = to === 'done' ? 'task.completed' : 'task.review_requested';
      return {
        ...moveOf(task, caller.actor),
        to,
        attempt: { kind: 'succeeded' },
        result: body.result,
        evidence: body.evidence,
        evidence_ref: evidenceRef,
        outcome: body.outcome,
        settle,
        events: [{ type, data: { outcome: body.outcome } }],
      };
    });
  }

  /** @throws Problem lease_lost, invalid_values */
  async fail(caller: Caller, id: string, body: FailDto, isRowWanted = false): Promise<Moved> {
    const until = parkedUntil(body);
    const settle = await this.settlementOf(caller, id, body);
    const { kind, error, errorType } = body;
    const { actor } = caller;
    if (kind !== 'quota') {
      return this.act({ caller, id, told: body, isRowWanted }, (task) => ({
        ...failedMove(task, { kind, error, errorType }, actor),
        settle,
      }));
    }
    const decide = async (task: HeldTask, tx: Tx) => {
      await this.parkQuota(tx, task, body, until);
      // Whoever is parked does not take it again before; others may at once.
      return { ...returnedMove(task, { kind, error, errorType }, actor), settle };
    };
    const acted = await this.acts.endAlone({ ...this.presented(caller, id, body), decide, isRowWanted });
    return this.movedTask(caller, id, body, acted);
  }

  /** @throws Problem lease_lost, blocker_reason_required */
  async block(caller: Caller, id: string, body: BlockDto, isRowWanted = false): Promise<Moved> {
    return this.act({ caller, id, told: body, isRowWanted }, (task) => {
      const { blockerReason } = body;
      requireProofs(missingFor('blocked', { blockerReason }));
      return {
        ...moveOf(task, caller.actor),
        to: 'blocked',
        attempt: { kind: 'blocked', error: blockerReason },
        attempts: Math.max(0, task.attempts - 1),
        blocker_reason: blockerReason,
        events: [{ type: 'task.blocked', data: { blockerReason } }],
      };
    });
  }

  /** @throws Problem lease_lost */
  async release(caller: Caller, id: string, body: ReleaseDto, isRowWanted = false): Promise<Moved> {
    return this.act({ caller, id, told: body, isRowWanted }, (task) =>
      returnedMove(task, { kind: 'released', error: body.reason }, caller.actor),
    );
  }

  private async parkQuota(tx: Tx, task: HeldTask, body: FailDto, until: Date | null): Promise<void> {
    if (task.lease_agent_id === null) return;
    const engine = await this.work.engineOf(tx, task.lease_agent_id);
    await this.work.park(tx, {
      workspaceId: task.workspace_id,
      agentId: task.lease_agent_id,
      provider: body.provider ?? engine?.provider ?? null,
      until,
      reason: body.error,
    });
  }

  private async act({ caller, id, told, isRowWanted }: Ending, decide: LeaseAct['decide']): Promise<Moved> {
    const acted = await this.acts.end({ ...this.presented(caller, id, told), decide, isRowWanted });
    return this.movedTask(caller, id, told, acted);
  }

  private presented(caller: Caller, taskId: string, { lease }: Told): Presented {
    return { bearer: bearerOf(caller), taskId, lease };
  }

  private async movedTask(caller: Caller, id: string, told: Told, acted: LeaseActed): Promise<Moved> {
    if (acted.verdict === 'moved') return acted.moved;
    if (acted.verdict === 'lease_lost' && told.usage !== undefined) {
      await this.late.count(caller, id, told.lease.fence, usageOf(told.usage), true);
    }
    throw refusal(acted);
  }

  /** What the attempt's run comes to, priced before the transaction; undefined where nothing was told or held. */
  private async settlementOf(caller: Caller, id: string, body: Told): Promise<Record<string, unknown> | undefined> {
    if (body.usage === undefined) return undefined;
    const usage = usageOf(body.usage);
    const run = await this.work.runOf(caller, id, body.lease.fence);
    if (!run) return undefined;
    const model = { workspaceId: caller.workspaceId, model: run.model, provider: run.provider };
    const cost = await this.pricer.cost(caller, model, usage);
    return { cost_nano: cost.nano.toString(), price_settled: cost.provenance, ...usageColumns(usage) };
  }
}

/** @throws Problem not_found, forbidden, lease_lost */
function heldTask(judged: Judged): TaskRow {
  if (judged.verdict === 'held') return judged.task;
  throw refusal(judged);
}

function refusal(judged: Unheld): Problem {
  switch (judged.verdict) {
    case 'missing':
      return notFound();
    case 'forbidden':
      return new Problem('forbidden', { detail: 'This lease belongs to another agent.' });
    case 'lease_lost':
      return leaseLost(judged.holder);
  }
}

function leaseLost(holder: Holder | null): Problem {
  return new Problem('lease_lost', {
    detail: holder === null ? 'Nobody holds this task for you.' : `${holder.name} has it now.`,
    extensions: { holder },
  });
}

function moveOf(task: HeldTask, actor: string): Pick<TaskMove, 'workspace_id' | 'id' | 'actor'> {
  return { workspace_id: task.workspace_id, id: task.id, actor };
}

/** When the quota is said to be there again; null: nobody knows. */
function parkedUntil({ kind, resetsAt }: FailDto): Date | null {
  if (kind !== 'quota' || resetsAt === undefined) return null;
  const until = timeParam('resetsAt', resetsAt).toJSDate();
  if (until.getTime() - Date.now() > MAX_PARKING_MS) throw invalid('resetsAt', 'Name a time at most 31 days ahead.');
  return until;
}
