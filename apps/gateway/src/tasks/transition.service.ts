import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { allowedMoves, mayMove, missingFor, type TaskStatus } from '@houston/common/domain/task-states.js';
import { type AttemptEnd, deadMove, type TaskMove } from '@houston/common/tasks/task-move.js';
import { moveTasks, shareEdges } from '@houston/common/tasks/task-moves.store.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import { requireProofs, requireShape } from './proofs.js';
import type { TransitionDto } from './task.dto.js';
import { TaskStore } from './task.store.js';
import type { TaskWithEdges } from './task.view.js';

/** How an attempt ended when a person moved its task away. */
const ATTEMPT_ENDS: Readonly<Partial<Record<TaskStatus, AttemptEnd>>> = {
  inbox: 'released',
  blocked: 'blocked',
  review: 'succeeded',
  done: 'succeeded',
  cancelled: 'cancelled',
};

const EVENTS: Readonly<Partial<Record<TaskStatus, string>>> = {
  inbox: 'task.returned',
  blocked: 'task.blocked',
  review: 'task.review_requested',
  done: 'task.completed',
  cancelled: 'task.cancelled',
};

/** People move tasks, by the table; whoever had the task on lease has lost it. */
@Injectable()
export class TransitionService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TaskStore) private readonly store: TaskStore,
  ) {}

  /** @throws Problem not_found, illegal_transition, blocker_reason_required, evidence_required, output_schema_mismatch */
  move(caller: Caller, id: string, body: TransitionDto): Promise<TaskWithEdges> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      await shareEdges(tx, caller.workspaceId);
      const task = await this.store.lock(tx, caller.workspaceId, id);
      if (!task) throw notFound();
      requireLegal(task.status, body.to);
      const document = await this.prove(tx, task, body);
      if (body.to === 'done') requireShape(task, task.result);
      await moveTasks(tx, [moveOf(task, { ...body, evidenceRef: body.evidenceRef ?? document }, caller.actor)]);
      return this.reread(tx, caller, id);
    });
  }

  /** @returns the document that stands for what is missing otherwise, if there is one */
  private async prove(tx: Tx, task: TaskRow, { to, ...body }: TransitionDto): Promise<string | undefined> {
    const proofs = {
      blockerReason: body.blockerReason,
      message: body.message ?? task.completion_message,
      evidenceRef: body.evidenceRef ?? task.evidence_ref,
      evidence: task.evidence,
      result: task.result,
    };
    const missing = missingFor(to, proofs);
    const document = missing === null ? null : await this.store.documentOf(tx, task.workspace_id, task.id);
    requireProofs(document === null ? missing : missingFor(to, { ...proofs, evidenceRef: document }));
    return document ?? undefined;
  }

  private async reread(tx: Tx, caller: Caller, id: string): Promise<TaskWithEdges> {
    const row = await this.store.read(tx, caller.workspaceId, id);
    if (!row) throw new Error(`Task ${id} vanished`);
    return row;
  }
}

function requireLegal(from: TaskStatus, to: TaskStatus): void {
  if (mayMove(from, to, 'person')) return;
  const allowed = allowedMoves(from, 'person');
  throw new Problem('illegal_transition', {
    detail: `From ${from} it goes to ${allowed.length === 0 ? 'nowhere' : allowed.join(', ')}, not to ${to}.`,
    extensions: { from, to, allowed },
  });
}

function moveOf(task: TaskRow, { to, blockerReason, message, evidenceRef }: TransitionDto, actor: string): TaskMove {
  if (to === 'failed')
    return deadMove(task, 'manual', { kind: 'permanent', error: message ?? 'Given up by hand' }, actor);
  const isReturned = task.lease_id !== null && (to === 'inbox' || to === 'blocked');
  return {
    workspace_id: task.workspace_id,
    id: task.id,
    to,
    actor,
    attempt: task.lease_id === null ? undefined : { kind: ATTEMPT_ENDS[to] ?? 'released' },
    attempts: isReturned ? Math.max(0, task.attempts - 1) : task.attempts,
    blocker_reason: to === 'blocked' ? blockerReason : undefined,
    message,
    evidence_ref: evidenceRef,
    events: [{ type: EVENTS[to] ?? 'task.moved', data: { blockerReason, message, evidenceRef } }],
  };
}
