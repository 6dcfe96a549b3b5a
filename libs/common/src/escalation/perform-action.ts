import type { Tx } from '../db/database.js';
import { rank } from '../domain/ranking.js';
import { isTerminal, mayMove } from '../domain/task-states.js';
import { appendEvent } from '../events/event-log.js';
import { candidateOf } from '../tasks/candidate.js';
import { returnedMove, type TaskMove } from '../tasks/task-move.js';
import { moveTasks } from '../tasks/task-moves.store.js';
import { TASK_PRIORITIES, type TaskRow } from '../tasks/task.row.js';
import { candidatesOf } from '../tasks/waiting.store.js';
import { presentTask, setAssignee, setPriority } from './action.store.js';
import type { ActionResult, Recipient, RuleAction } from './escalation.row.js';
import { requestApproval } from './request-approval.js';
import type { Subject } from './watched-subject.js';

const ACTOR = 'system';

/** Why something is done, and in whose name. */
export interface Occasion {
  ruleId: string;
  ruleName: string;
  reason: string;
}

const NO_TASK = { agent: 'An agent is no task.', budget: 'A budget is no task.', approval: 'It is about no task.' };

export const DEFAULT_RECIPIENTS: readonly Recipient[] = [{ role: 'owner' }, { role: 'admin' }];

/** Does one thing about a subject that the caller has locked. What is impossible by now is told, not thrown. */
export async function performAction(
  tx: Tx,
  workspaceId: string,
  subject: Subject,
  action: RuleAction,
  occasion: Occasion,
): Promise<ActionResult> {
  // Both are told with the event of the escalation itself.
  if (action.type === 'notify' || action.type === 'webhook') return { type: action.type, done: true };
  if (subject.kind !== 'task') return { type: action.type, done: false, detail: NO_TASK[subject.kind] };
  const task = await presentTask(tx, workspaceId, subject.id);
  if (isTerminal(task.status)) return { type: action.type, done: false, detail: `The task is ${task.status}.` };
  switch (action.type) {
    case 'raisePriority':
      return raisePriority(tx, task, occasion);
    case 'reassign':
      return reassign(tx, task, action.agentId, occasion);
    case 'unassign':
      return unassign(tx, task, occasion);
    case 'block':
      return block(tx, task, occasion);
    case 'requestApproval': {
      const recipients = [...(action.recipients ?? DEFAULT_RECIPIENTS)];
      return requestApproval(tx, { task, ruleName: occasion.ruleName, reason: occasion.reason, recipients });
    }
  }
}

async function raisePriority(tx: Tx, task: TaskRow, occasion: Occasion): Promise<ActionResult> {
  const higher = TASK_PRIORITIES[TASK_PRIORITIES.indexOf(task.priority) - 1];
  if (!higher) return { type: 'raisePriority', done: false, detail: 'It is urgent already.' };
  await setPriority(tx, task, higher);
  await tellUpdate(tx, task, { changed: ['priority'], priority: higher }, occasion);
  return { type: 'raisePriority', done: true, detail: `From ${task.priority} to ${higher}` };
}

async function reassign(tx: Tx, task: TaskRow, wanted: string | undefined, occasion: Occasion): Promise<ActionResult> {
  const present = task.lease_agent_id ?? task.assignee_id;
  const next = wanted ?? (await bestOther(tx, task, present));
  if (next === null) return { type: 'reassign', done: false, detail: 'No other agent is able to do it.' };
  if (next === present) return { type: 'reassign', done: false, detail: 'It is with that agent already.' };
  await takeBack(tx, task, occasion);
  await setAssignee(tx, task, next);
  await tellUpdate(tx, task, { changed: ['assignee'], assigneeId: next }, occasion);
  return { type: 'reassign', done: true, detail: `To agent ${next}` };
}

async function bestOther(tx: Tx, task: TaskRow, present: string | null): Promise<string | null> {
  // Reserved for one agent, nobody else would be among the candidates.
  if (task.assignee_id !== null) await setAssignee(tx, task, null);
  const rows = await candidatesOf(tx, task.workspace_id, task.id, true);
  if (task.assignee_id !== null) await setAssignee(tx, task, task.assignee_id);
  const able = rows.filter((row) => row.meets && row.id !== present && row.refusal !== 'paused');
  const free = able.filter((row) => row.connected && row.refusal === null);
  const [best] = rank((free.length > 0 ? free : able).map((row) => candidateOf(task, row)));
  return best?.candidate.id ?? null;
}

async function unassign(tx: Tx, task: TaskRow, occasion: Occasion): Promise<ActionResult> {
  if (task.lease_id === null && task.assignee_id === null)
    return { type: 'unassign', done: false, detail: 'Nobody has it.' };
  await takeBack(tx, task, occasion);
  await setAssignee(tx, task, null);
  await tellUpdate(tx, task, { changed: ['assignee'], assigneeId: null }, occasion);
  return { type: 'unassign', done: true };
}

/** Whoever has it on lease has lost it. */
async function takeBack(tx: Tx, task: TaskRow, { reason }: Occasion): Promise<void> {
  if (task.lease_id !== null) await moveTasks(tx, [returnedMove(task, { kind: 'released', error: reason }, ACTOR)]);
}

async function block(tx: Tx, task: TaskRow, { ruleName, reason }: Occasion): Promise<ActionResult> {
  if (!mayMove(task.status, 'blocked', 'person'))
    return { type: 'block', done: false, detail: `From ${task.status} it cannot be blocked.` };
  const blockerReason = `${ruleName}: ${reason}`.slice(0, 2_000);
  const holds = task.lease_id !== null;
  const move: TaskMove = {
    ...{ workspace_id: task.workspace_id, id: task.id, to: 'blocked', actor: ACTOR, blocker_reason: blockerReason },
    ...(holds ? { attempt: { kind: 'blocked', error: blockerReason } } : {}),
    attempts: holds ? Math.max(0, task.attempts - 1) : task.attempts,
    events: [{ type: 'task.blocked', data: { blockerReason } }],
  };
  await moveTasks(tx, [move]);
  return { type: 'block', done: true };
}

async function tellUpdate(
  tx: Tx,
  task: TaskRow,
  change: Record<string, unknown>,
  { ruleId, reason }: Occasion,
): Promise<void> {
  await appendEvent(tx, {
    ...{ type: 'task.updated', actor: ACTOR, subject: `task:${task.id}`, workspaceId: task.workspace_id },
    data: { taskId: task.id, title: task.title, ...change, reason, ruleId },
  });
}
