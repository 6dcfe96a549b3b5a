import {
  readButtonValue,
  SLACK_APPROVE,
  SLACK_REJECT,
  type SlackButton,
} from '@houston/common/notifications/slack-answer.js';

/** A button that somebody pressed in Slack. */
export interface SlackPress {
  button: SlackButton;
  decision: 'approve' | 'reject';
  /** As Slack knows them. */
  userId: string;
  userName: string;
  /** Where the message can be edited; null when there is none. */
  responseUrl: string | null;
}

interface Interaction {
  actions?: { action_id?: unknown; value?: unknown }[];
  user?: { id?: unknown; username?: unknown; name?: unknown };
  response_url?: unknown;
}

const USER_ID = /^[A-Z0-9]{1,30}$/;
const MAX_NAME = 80;

/** Null when it is no press of one of our buttons. */
export function readSlackPress(body: string): SlackPress | null {
  const interaction = interactionOf(body);
  const [action] = Array.isArray(interaction?.actions) ? interaction.actions : [];
  const button = readButtonValue(textOf(action?.value));
  const decision =
    action?.action_id === SLACK_APPROVE ? 'approve' : action?.action_id === SLACK_REJECT ? 'reject' : null;
  if (interaction === null || button === null || decision === null) return null;
  const { user } = interaction;
  const userId = textOf(user?.id);
  const userName = (textOf(user?.username) || textOf(user?.name) || userId)
    .replace(/[^\P{C} ]/gu, '')
    .slice(0, MAX_NAME);
  return {
    button,
    decision,
    userId: USER_ID.test(userId) ? userId : 'unknown',
    userName: userName.toWellFormed(),
    responseUrl: textOf(interaction.response_url) || null,
  };
}

function interactionOf(body: string): Interaction | null {
  const payload = new URLSearchParams(body).get('payload');
  if (payload === null) return null;
  try {
    const parsed: unknown = JSON.parse(payload);
    return typeof parsed === 'object' && parsed !== null ? (parsed as Interaction) : null;
  } catch {
    // Whatever it is, Slack did not send it.
    return null;
  }
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
