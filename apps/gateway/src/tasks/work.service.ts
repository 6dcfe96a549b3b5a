import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { failedMove, returnedMove, type TaskMove } from '@houston/common/tasks/task-move.js';
import { moveTasks, shareEdges } from '@houston/common/tasks/task-moves.store.js';
import { missingFor } from '@houston/common/domain/task-states.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { Pricer } from '../admission/pricer.js';
import { ExecutionService, usageColumns, usageOf } from '../executions/execution.service.js';
import type { Caller } from '../http/caller.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { bearerOf } from './bearer.js';
import { requireProofs, requireShape } from './proofs.js';
import { TaskStore } from './task.store.js';
import { type HeartbeatView, leaseView, type TaskWithEdges } from './task.view.js';
import type { BlockDto, CompleteDto, FailDto, HeartbeatDto, LeaseDto, ReleaseDto } from './work.dto.js';
import { type Judged, WorkStore } from './work.store.js';

const MAX_PARKING_MS = 31 * 86_400_000;
/** A quota without a known end is asked again after this. */
const DEFAULT_PARKING_SECONDS = 60;

/** What the holder of a lease says of its task. Every word presents the lease; a stale one changes nothing. */
@Injectable()
export class WorkService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(WorkStore) private readonly work: WorkStore,
    @Inject(TaskStore) private readonly tasks: TaskStore,
    @Inject(ExecutionService) private readonly executions: ExecutionService,
    @Inject(Pricer) private readonly pricer: Pricer,
  ) {}

  /** Extends the lease, and says whether the money still suffices. */
  async heartbeat(caller: Caller, id: string, body: HeartbeatDto): Promise<HeartbeatView> {
    const usage = body.usage === undefined ? null : usageOf(body.usage);
    const tokens = usage === null ? null : usage.inputTokens + usage.outputTokens;
    const told = { progress: body.progress, tokens };
    const task = heldTask(await this.work.heartbeat(bearerOf(caller), id, body.lease, told));
    const answer = { continue: true, lease: leaseView(task) };
    if (body.usage === undefined || task.execution_id === null) return answer;
    const money = await this.executions.report(caller, task.execution_id, body.usage);
    return { ...answer, continue: money.continue, ...(money.reason === undefined ? {} : { reason: money.reason }) };
  }

  /** @throws Problem lease_lost, evidence_required, output_schema_mismatch */
  async complete(caller: Caller, id: string, body: CompleteDto): Promise<TaskWithEdges> {
    const settle = await this.settlementOf(caller, id, body);
    return this.act(caller, id, body.lease, async (task, tx) => {
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
  async fail(caller: Caller, id: string, body: FailDto): Promise<TaskWithEdges> {
    const until = parkedUntil(body);
    return this.act(caller, id, body.lease, async (task, tx) => {
      const { kind, error, errorType } = body;
      if (kind !== 'quota') return failedMove(task, { kind, error, errorType }, caller.actor);
      const engine = task.lease_agent_id === null ? null : await this.work.engineOf(tx, task.lease_agent_id);
      const provider = body.provider ?? engine?.provider ?? null;
      if (provider !== null)
        await this.work.park(tx, {
          workspaceId: caller.workspaceId,
          provider,
          until,
          seconds: DEFAULT_PARKING_SECONDS,
          reason: error,
        });
      const move = returnedMove(task, { kind: 'quota', error, errorType }, caller.actor);
      // Parking keeps this agent away only if the provider is its own; otherwise it would take the task again at once.
      if (provider !== null && provider === engine?.provider) return move;
      const wait = until === null ? { delay_ms: DEFAULT_PARKING_SECONDS * 1_000 } : { retry_at: until.toISOString() };
      return { ...move, ...wait, retry_reason: 'quota' };
    });
  }

  /** @throws Problem lease_lost, blocker_reason_required */
  async block(caller: Caller, id: string, body: BlockDto): Promise<TaskWithEdges> {
    return this.act(caller, id, body.lease, (task) => {
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
  async release(caller: Caller, id: string, body: ReleaseDto): Promise<TaskWithEdges> {
    return this.act(caller, id, body.lease, (task) =>
      returnedMove(task, { kind: 'released', error: body.reason }, caller.actor),
    );
  }

  /** Judges the lease and moves the task, in one transaction. */
  private act(
    caller: Caller,
    id: string,
    lease: LeaseDto,
    decide: (task: TaskRow, tx: Tx) => TaskMove | Promise<TaskMove>,
  ): Promise<TaskWithEdges> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      await shareEdges(tx, caller.workspaceId);
      const task = heldTask(await this.work.judge(tx, bearerOf(caller), id, lease));
      await moveTasks(tx, [await decide(task, tx)]);
      const row = await this.tasks.read(tx, caller.workspaceId, id);
      if (!row) throw new Error(`Task ${id} vanished`);
      return row;
    });
  }

  /** What the attempt's run comes to, priced before the transaction; undefined where nothing was told or held. */
  private async settlementOf(
    caller: Caller,
    id: string,
    body: CompleteDto,
  ): Promise<Record<string, unknown> | undefined> {
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
  switch (judged.verdict) {
    case 'held':
      return judged.task;
    case 'missing':
      throw notFound();
    case 'forbidden':
      throw new Problem('forbidden', { detail: 'This lease belongs to another agent.' });
    case 'lease_lost':
      throw new Problem('lease_lost', {
        detail: judged.holder === null ? 'Nobody holds this task for you.' : `${judged.holder.name} has it now.`,
        extensions: { holder: judged.holder },
      });
  }
}

function moveOf(task: TaskRow, actor: string): Pick<TaskMove, 'workspace_id' | 'id' | 'actor'> {
  return { workspace_id: task.workspace_id, id: task.id, actor };
}

/** When the quota is said to be there again; null: nobody knows. */
function parkedUntil({ kind, resetsAt }: FailDto): Date | null {
  if (kind !== 'quota' || resetsAt === undefined) return null;
  const until = timeParam('resetsAt', resetsAt).toJSDate();
  if (until.getTime() - Date.now() > MAX_PARKING_MS) throw invalid('resetsAt', 'Name a time at most 31 days ahead.');
  return until;
}
