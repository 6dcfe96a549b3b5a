import type { ChannelFailed, ChannelOutcome } from './channel-outcome.js';
import { sendWebhook, type WebhookOutcome } from './webhook.js';

/** Slack's words for what no further attempt can mend. */
const PERMANENT = new Set([
  'invalid_payload',
  'invalid_blocks',
  'invalid_token',
  'no_text',
  'no_service',
  'no_team',
  'user_not_found',
  'channel_not_found',
  'channel_is_archived',
  'action_prohibited',
  'posting_to_general_channel_denied',
  'team_disabled',
  'token_revoked',
  'expired_url',
  'used_url',
]);
/** And for what a later attempt may. */
const PASSING = new Set([
  'rate_limited',
  'ratelimited',
  'rollup_error',
  'internal_error',
  'fatal_error',
  'request_timeout',
  'service_unavailable',
]);
const WORD = /^[a-z_]{3,60}$/;

export interface SlackAttempt {
  url: string;
  body: string;
  /** Stable over all attempts, in the header `x-houston-notification`. */
  notificationId: string;
  allowCidrs: readonly string[];
  deadlineMs?: number;
}

/** Posts to an incoming webhook, or to the `response_url` of a message. @throws as sendWebhook */
export async function sendToSlack(attempt: SlackAttempt): Promise<ChannelOutcome> {
  const { url, body, notificationId, allowCidrs, deadlineMs } = attempt;
  const headers = { 'x-houston-notification': notificationId };
  return judgeSlackAnswer(await sendWebhook({ url, body, headers, allowCidrs, deadlineMs }));
}

/** Slack answers `ok`, or a word that says what is wrong; some of its addresses answer JSON with status 200 in either case. */
export function judgeSlackAnswer(outcome: WebhookOutcome): ChannelOutcome {
  const { durationMs } = outcome;
  const response = outcome.response?.body ?? '';
  const status = outcome.status;
  const word = wordOf(response, outcome.kind === 'delivered');
  if (outcome.kind === 'delivered' && word === null) return { kind: 'delivered', status, response, durationMs };
  const isPermanent = word === null ? isRefusal(status) : PERMANENT.has(word);
  const failed: ChannelFailed = {
    kind: 'failed',
    errorClass: word ?? (outcome.kind === 'failed' ? outcome.errorClass : 'http_error'),
    isPermanent,
    // What Slack refuses it refuses at once: the next message may well be taken.
    isEndpointAtFault: !isPermanent,
    durationMs,
    ...(status === undefined ? {} : { status }),
    ...(response === '' ? {} : { response }),
    ...(outcome.kind === 'failed' && outcome.retryAfterMs !== undefined ? { retryAfterMs: outcome.retryAfterMs } : {}),
  };
  return failed;
}

/**
 * The word for what is wrong; null when there is none. A success may be put into other words than `ok` by those who take
 * messages as Slack does: there only Slack's own words for failures count.
 */
function wordOf(response: string, isSuccess: boolean): string | null {
  const text = response.trim();
  if (text.startsWith('{')) return wordOfJson(text);
  if (isSuccess) return PERMANENT.has(text) || PASSING.has(text) ? text : null;
  return WORD.test(text) ? text : null;
}

function wordOfJson(text: string): string | null {
  let answer: { ok?: unknown; error?: unknown };
  try {
    answer = JSON.parse(text) as { ok?: unknown; error?: unknown };
  } catch {
    // No JSON after all: the status alone decides.
    return null;
  }
  if (answer.ok !== false) return null;
  return typeof answer.error === 'string' && WORD.test(answer.error) ? answer.error : 'not_ok';
}

function isRefusal(status: number | undefined): boolean {
  return status !== undefined && [400, 401, 403, 404, 410].includes(status);
}
