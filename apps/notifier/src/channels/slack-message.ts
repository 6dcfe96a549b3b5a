import {
  buttonValue,
  SLACK_APPROVE,
  SLACK_REJECT,
  type SlackButton,
} from '@houston/common/notifications/slack-answer.js';

/** Slack refuses longer ones. */
const MAX_HEADER = 150;
const MAX_SECTION = 3_000;
const ENTITIES: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };

export interface SlackMessage {
  title: string;
  text: string;
  /** Shown small beneath. */
  footer: string;
  /** With buttons to approve and reject. */
  button: SlackButton | null;
  /**
   * To whoever pressed a button: `replace` takes the place of the message, `ephemeral` is shown to them alone. Null: a
   * message of its own.
   */
  reply: 'replace' | 'ephemeral' | null;
}

/** Slack shall find neither names nor links in words by itself. */
const AS_WRITTEN = { parse: 'none', unfurl_links: false, unfurl_media: false };

/** The JSON that Slack is sent. Nothing in the words of others is markup: no mention, no link, no formatting by name. */
export function slackMessage({ title, text, footer, button, reply }: SlackMessage): string {
  const blocks = [
    { type: 'header', text: { type: 'plain_text', text: inert(title, MAX_HEADER), emoji: false } },
    ...(text.trim() === '' ? [] : [{ type: 'section', text: words(text) }]),
    ...(button === null ? [] : [{ type: 'actions', elements: buttons(button) }]),
    { type: 'context', elements: [words(footer)] },
  ];
  return JSON.stringify({
    ...(reply === 'replace' ? { replace_original: true } : {}),
    ...(reply === 'ephemeral' ? { response_type: 'ephemeral', replace_original: false } : {}),
    text: inert(title, MAX_SECTION),
    ...AS_WRITTEN,
    blocks,
  });
}

/** One that was rendered before, by whoever knows better what it tells; it has escaped what people wrote. */
export function preparedSlackMessage(message: Record<string, unknown>): string {
  return JSON.stringify({ ...message, ...AS_WRITTEN });
}

function words(text: string) {
  return { type: 'mrkdwn', text: inert(text, MAX_SECTION), verbatim: true };
}

function buttons(button: SlackButton) {
  const one = (label: string, style: string, action: string) => ({
    type: 'button',
    text: { type: 'plain_text', text: label, emoji: false },
    style,
    action_id: action,
    value: buttonValue(button),
  });
  return [one('Approve', 'primary', SLACK_APPROVE), one('Reject', 'danger', SLACK_REJECT)];
}

/** Escapes the three signs that Slack's markup is made of, and cuts between signs, never within an entity. */
function inert(text: string, most: number): string {
  let length = 0;
  let shown = '';
  for (const sign of text) {
    const escaped = ENTITIES[sign] ?? sign;
    length += escaped.length;
    if (length > most - 1) return `${shown}…`;
    shown += escaped;
  }
  return shown;
}
