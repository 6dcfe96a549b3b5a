import type { RuleRow } from './escalation.row.js';
import type { Subject } from './watched-subject.js';

/** Why a rule fires, as a sentence. */
export function reasonOf({ trigger, threshold }: RuleRow, subject: Subject): string {
  if (subject.kind === 'agent') return `Agent ${subject.title} has been silent since ${iso(subject.facts.seen_at)}.`;
  if (subject.kind === 'budget')
    return `${Math.floor(subject.facts.consumed_percent)} % of budget ${subject.title} are spent or held.`;
  if (subject.kind === 'approval')
    return `It has been waiting for a decision since ${iso(subject.facts.approval.created_at)}.`;
  const { task, failures } = subject.facts;
  switch (trigger) {
    case 'timeInStatus':
      return `It has been ${task.status} since ${iso(task.status_since)}.`;
    case 'sloConsumed':
      return `${threshold ?? 0} % of its time are used up.`;
    case 'failedAttempts':
      return `${failures} attempts have failed.`;
    case 'errorPattern':
      return `An attempt failed with: ${(task.last_error ?? '').slice(0, 300)}`;
    case 'approvalPending':
      return `It has been waiting for an approval since ${iso(subject.facts.task.approval_since)}.`;
    case 'agentSilent':
    case 'budgetConsumed':
      throw new Error(`A rule about ${trigger} fired for a task`);
  }
}

function iso(time: Date | null): string {
  return time === null ? 'ever' : time.toISOString();
}
