import { v7 as newId } from 'uuid';
import { tellRequested } from '../approvals/approval-tale.js';
import { insertApproval } from '../approvals/new-approval.store.js';
import { payloadDigest } from '../approvals/payload-digest.js';
import type { Tx } from '../db/database.js';
import type { TaskRow } from '../tasks/task.row.js';
import type { Assignee, Party } from '../domain/approval-deciders.js';
import type { ActionResult, Recipient } from './escalation.row.js';

const ACTOR = 'system';
const ACTION = 'continue';
const NOBODY: Party = { keyId: null, agentId: null, memberId: null };

/** What an escalation asks somebody to decide. */
export interface ApprovalWish {
  task: TaskRow;
  ruleName: string;
  reason: string;
  /** Who decides; roles among them are those that may. */
  recipients: Recipient[];
}

/** Makes the task wait for somebody's decision, in the escalation's own transaction. Silence is no yes: it has no deadline. */
export async function requestApproval(
  tx: Tx,
  { task, ruleName, reason, recipients }: ApprovalWish,
): Promise<ActionResult> {
  const payload = { taskId: task.id, status: task.status, reason };
  const row = await insertApproval(tx, task.workspace_id, {
    ...{ id: newId(), kind: 'action', policy: 'pending', reasons: ['escalation'], taskId: task.id, executionId: null },
    ...{ budgetId: null, action: ACTION, description: `${ruleName}: ${reason}`, confidence: null, risk: 'medium' },
    ...{ isExternal: false, options: [], recommended: null, context: { title: task.title }, payload },
    ...{
      payloadDigest: payloadDigest(payload),
      estimatedNano: null,
      assignees: recipients as Assignee[],
      channels: null,
    },
    ...{ onTimeout: 'reject', deadline: null, requestedBy: ACTOR, requester: NOBODY },
  });
  if (!row)
    return { type: 'requestApproval', done: false, detail: 'Another approval about the task is still pending.' };
  await tellRequested(tx, row);
  return { type: 'requestApproval', done: true, detail: `Approval ${row.id}` };
}
