import type { Tx } from '../db/database.js';
import type { TaskRow } from '../tasks/task.row.js';
import type { ActionResult, Recipient } from './escalation.row.js';

/** What an escalation asks somebody to decide. */
export interface ApprovalWish {
  task: TaskRow;
  ruleName: string;
  reason: string;
  recipients: Recipient[];
}

/** Whether this installation has approvals. Without them no rule can be saved that asks for one. */
export const canRequestApproval: boolean = false;

/** Makes the task wait for somebody's decision, in the escalation's own transaction. */
export function requestApproval(_tx: Tx, { ruleName }: ApprovalWish): Promise<ActionResult> {
  return Promise.resolve({
    type: 'requestApproval',
    done: false,
    detail: `This installation has no approvals; ${ruleName} was saved by another.`,
  });
}
