import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import type { DecidedInSlack } from './notification-route.store.js';

/** Ways in which an approval that may have been asked in Slack ends. */
const ENDINGS: ReadonlySet<string> = new Set(['approval.resolved', 'approval.expired', 'approval.cancelled']);

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export type DecisionEvent = LedgerEvent & { workspaceId: string; data: { approvalId: string } };

/** By which something was decided: it is told in Slack where it was asked, and nowhere else by name. */
export function isDecision(event: LedgerEvent): event is DecisionEvent {
  const { approvalId } = event.data;
  return ENDINGS.has(event.type) && event.workspaceId !== null && typeof approvalId === 'string' && ID.test(approvalId);
}

/** The channel in which a button was pressed: its message is edited, which says it all. */
export function wasAnsweredIn({ data }: LedgerEvent, { channelId, messages }: DecidedInSlack): boolean {
  return data['slackChannelId'] === channelId && messages === 1;
}

/** What is said below a message whose buttons nobody has to press any more. */
export function decisionWords({ action, status, decidedBy, comment }: DecidedInSlack): { title: string; text: string } {
  return {
    title: `${action}: ${status}`,
    text: `${ENDED[status] ?? 'Decided'} by ${decidedBy}: ${status}.${comment === null ? '' : `\n${comment}`}`,
  };
}

const ENDED: Readonly<Record<string, string>> = { expired: 'Ended', cancelled: 'Taken back' };
