import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { type Mark, mark, unfinishedOrWatched } from '@houston/common/escalation/watch.store.js';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { EventRoute } from '@houston/common/events/event-route.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { dueNow, GATHERING_MS } from '../due-times/due-wakeup.js';
import { EscalationRouteStore, type Interests } from './escalation-route.store.js';

type NewMark = Omit<Mark, 'after_id'>;

/** Only says what it waits for. */
const IDLE_TALK = 'task.waiting';

/**
 * Leaves word of what has happened to tasks, agents and budgets, wherever a rule might care. It decides nothing, so that no
 * rule, however odd, holds the relay up; and as it writes in the relay's transaction, no event is missed.
 */
@Injectable()
export class EscalationRoute extends EventRoute {
  readonly name = 'escalation';
  /** By organization, of performance.now(): when somebody was last sent for. */
  private readonly sentAtMs = new Map<string, number>();

  constructor(@Inject(EscalationRouteStore) private readonly store: EscalationRouteStore) {
    super();
  }

  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]> {
    const relevant = events.filter((event) => event.type !== IDLE_TALK && !event.type.startsWith('escalation.'));
    if (relevant.length === 0) return [];
    const interests = await this.store.interests(tx);
    const marks = new Map(relevant.flatMap((event) => marksOf(event, interests)).map((one) => [keyOf(one), one]));
    const worthwhile = await withoutFinished(tx, [...marks.values()], interests);
    if (worthwhile.length === 0) return [];
    await mark(tx, worthwhile);
    return this.sendFor(tx.organizationId);
  }

  /** Whoever was sent for a moment ago has not looked yet. If it was in vain, the next second's look does as well. */
  private sendFor(organizationId: string): Wakeup[] {
    const nowMs = performance.now();
    if (nowMs - (this.sentAtMs.get(organizationId) ?? -Infinity) < GATHERING_MS) return [];
    this.sentAtMs.set(organizationId, nowMs);
    return [dueNow(organizationId)];
  }
}

function marksOf(event: LedgerEvent, interests: Interests): NewMark[] {
  const { workspaceId } = event;
  const noun = event.type.slice(0, event.type.indexOf('.'));
  const ofWork = workspaceId === null ? [] : marksOfWork(event, workspaceId, interests);
  if (ofWork.length > 0) return ofWork;
  const agentId = subjectId(event, 'agent');
  if (agentId !== null)
    return interests.inAgents.map((id) => ({ workspace_id: id, kind: 'agent', subject_id: agentId }));
  if (noun !== 'execution' && noun !== 'budget') return [];
  return interests.inBudgets
    .filter((id) => workspaceId === null || workspaceId === id || noun === 'execution')
    .map((id) => ({ workspace_id: id, kind: 'budgets', subject_id: id }));
}

/** A task that is over, and that no rule has its eye on, concerns nobody: so it is with most of them when this comes by. */
async function withoutFinished(tx: Tx, marks: readonly NewMark[], { inFinished }: Interests): Promise<NewMark[]> {
  const isCertain = (mark: NewMark) => mark.kind !== 'task' || inFinished.has(mark.workspace_id);
  const kept = marks.filter(isCertain);
  const byWorkspace = new Map<string, NewMark[]>();
  for (const one of marks.filter((mark) => !isCertain(mark))) {
    const own = byWorkspace.get(one.workspace_id);
    if (own) own.push(one);
    else byWorkspace.set(one.workspace_id, [one]);
  }
  for (const [workspaceId, own] of byWorkspace) {
    const ids = new Set(
      await unfinishedOrWatched(
        tx,
        workspaceId,
        own.map((mark) => mark.subject_id),
      ),
    );
    kept.push(...own.filter((mark) => ids.has(mark.subject_id)));
  }
  return kept;
}

/** What is told of an approval may concern its task, too. */
function marksOfWork(event: LedgerEvent, workspaceId: string, { inTasks, inApprovals }: Interests): NewMark[] {
  const taskId = inTasks.has(workspaceId) ? subjectId(event, 'task') : null;
  const approvalId = inApprovals.has(workspaceId) ? subjectId(event, 'approval') : null;
  return [
    ...(taskId === null ? [] : [{ workspace_id: workspaceId, kind: 'task' as const, subject_id: taskId }]),
    ...(approvalId === null ? [] : [{ workspace_id: workspaceId, kind: 'approval' as const, subject_id: approvalId }]),
  ];
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

/** What the event was done to, or names as `taskId`, `agentId`. */
function subjectId({ subject, data }: LedgerEvent, kind: 'task' | 'agent' | 'approval'): string | null {
  const named = subject.startsWith(`${kind}:`)
    ? subject.slice(kind.length + 1)
    : kind === 'task'
      ? data['taskId']
      : null;
  return typeof named === 'string' && ID.test(named) ? named : null;
}

function keyOf({ workspace_id, kind, subject_id }: NewMark): string {
  return `${workspace_id} ${kind} ${subject_id}`;
}
