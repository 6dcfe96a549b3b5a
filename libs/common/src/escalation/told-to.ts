import { requesterOf } from '../approvals/approval-tale.js';
import type { ApprovalRow } from '../approvals/approval.row.js';
import { writeReminder } from '../approvals/approval.store.js';
import type { Tx } from '../db/database.js';
import { askedAgain } from '../domain/approval-deciders.js';
import type { RuleRow } from './escalation.row.js';
import { DEFAULT_RECIPIENTS } from './perform-action.js';
import { actionsAt } from './rule.js';
import { approvalOfTask } from './subject.store.js';
import type { Subject } from './watched-subject.js';

const MAX_TITLE = 200;

/**
 * Whom the event of an escalation names to be told, with the words for it; nobody unless an action says so. Of an approval
 * that waits it is those who can decide, as its requester wished them to be told.
 */
export async function toldTo(
  tx: Tx,
  rule: RuleRow,
  subject: Subject,
  level: number,
  reason: string,
): Promise<Record<string, unknown>> {
  const approval = await approvalOf(tx, rule, subject);
  const about = {
    ...(approval === null ? {} : { approvalId: approval.id }),
    title: `${rule.name}: ${subject.title}`.slice(0, MAX_TITLE),
  };
  const notify = actionsAt(rule, level).filter((action) => action.type === 'notify');
  if (notify.length === 0) return about;
  const usual = approval === null ? DEFAULT_RECIPIENTS : askedAgain(approval, level);
  // It counts as a reminder, so that nobody is told the same twice.
  if (approval !== null && notify.some((action) => action.recipients === undefined)) await writeReminder(tx, approval);
  return {
    ...about,
    recipients: notify.flatMap((action) => action.recipients ?? usual),
    text: `${subject.title}: ${reason} Level ${level} of ${rule.max_depth}.`,
    ...(approval === null ? {} : wishesOf(approval)),
  };
}

async function approvalOf(tx: Tx, { trigger }: RuleRow, subject: Subject): Promise<ApprovalRow | null> {
  if (subject.kind === 'approval') return subject.facts.approval;
  if (trigger !== 'approvalPending' || subject.kind !== 'task') return null;
  return approvalOfTask(tx, subject.facts.task);
}

function wishesOf(approval: ApprovalRow): Record<string, unknown> {
  const author = requesterOf(approval);
  return {
    ...(approval.channels === null ? {} : { channels: approval.channels }),
    ...(author === null ? {} : { author }),
  };
}
