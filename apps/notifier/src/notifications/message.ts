import type { HoustonConfig } from '@houston/common/config/config.js';
import { unsubscribeToken } from '@houston/common/notifications/unsubscribe-token.js';
import type { ChannelFailed, ChannelOutcome } from '../channels/channel-outcome.js';
import { sendEmail } from '../channels/email.js';
import { putIntoInbox } from '../channels/inbox.js';
import { preparedSlackMessage, slackMessage } from '../channels/slack-message.js';
import { sendToSlack } from '../channels/slack.js';
import type { NotificationRow } from './notification.row.js';

const DEADLINE_MS = 15_000;
/** One claimed notification, with everything its channel needs. */
export interface Message {
  row: NotificationRow;
  organizationId: string;
  workspaceId: string;
  /** What it asks for was decided before it could be told. */
  isDecided: boolean;
  /** Null: mails have no link to unsubscribe. */
  unsubscribeSecret: string | null;
}

/** Sends it by its channel. @throws when the fault is ours */
export async function sendMessage(message: Message, config: HoustonConfig): Promise<ChannelOutcome> {
  switch (message.row.channel) {
    case 'inbox':
      return putIntoInbox();
    case 'email':
      return mail(message, config);
    case 'slack':
      return slack(message, config);
    case 'agent':
      throw new Error('An agent takes what is for it; nothing is sent there');
  }
}

async function mail(message: Message, { smtpUrl, smtpFrom, publicUrl }: HoustonConfig): Promise<ChannelOutcome> {
  const { row } = message;
  if (row.address === null) return cannot('no_address', true);
  if (smtpUrl === undefined) return cannot('no_mail_server', false);
  const url = unsubscribeUrl(message, publicUrl);
  const footer = `-- \n${row.event_type} · Houston${url === null ? '' : `\nNo more mails like this: ${url}`}`;
  return sendEmail({
    smtpUrl,
    from: smtpFrom,
    to: row.address,
    subject: row.title,
    text: `${row.text}\n\n${footer}\n`,
    messageId: `<${row.id}@${domainOf(smtpFrom)}>`,
    unsubscribeUrl: url,
    deadlineMs: DEADLINE_MS,
  });
}

function slack({ row, organizationId, workspaceId, isDecided }: Message, { webhookAllowCidrs }: HoustonConfig) {
  const url = row.reply_url ?? row.url;
  if (url === null) return cannot('no_address', true);
  const channelId = row.channel_id ?? '';
  const approvalId = row.asked_approval_id;
  const isAsked = row.has_signing_secret && row.reply_url === null && !isDecided;
  const button = isAsked && approvalId !== null ? { organizationId, workspaceId, channelId, approvalId } : null;
  const footer = `${row.event_type} · ${row.subject}`;
  return sendToSlack({
    url,
    body: row.slack_message
      ? preparedSlackMessage(row.slack_message)
      : slackMessage({ title: row.title, text: row.text, footer, button, reply: replyOf(row) }),
    notificationId: row.id,
    allowCidrs: webhookAllowCidrs,
    deadlineMs: DEADLINE_MS,
  });
}

function replyOf({ reply_url: url, refs }: NotificationRow): 'replace' | 'ephemeral' | null {
  if (url === null) return null;
  return refs['reply'] === 'ephemeral' ? 'ephemeral' : 'replace';
}

/** What is critical cannot be muted, so it offers no link that pretends to. */
function unsubscribeUrl(message: Message, publicUrl: string | undefined): string | null {
  const { row, organizationId, workspaceId, unsubscribeSecret } = message;
  const id = row.member_id ?? row.channel_id;
  if (publicUrl === undefined || unsubscribeSecret === null || row.critical || id === null) return null;
  const kind = row.member_id === null ? 'channel' : 'member';
  const what = { organizationId, workspaceId, kind, id, eventType: row.event_type } as const;
  return `${publicUrl.replace(/\/+$/, '')}/api/unsubscribe/${unsubscribeToken(what, unsubscribeSecret)}`;
}

function cannot(errorClass: string, isPermanent: boolean): ChannelFailed {
  return { kind: 'failed', errorClass, isPermanent, isEndpointAtFault: false, durationMs: 0 };
}

function domainOf(from: string): string {
  return /@([^@>\s]+)>?$/.exec(from)?.[1] ?? 'localhost';
}
