/** What a notification says, as plain text; each channel makes it harmless in its own markup. */
export interface NotificationText {
  /** One line. */
  title: string;
  text: string;
  /** Ids that the event names, by the names it gives them: `taskId`, `approvalId`. */
  refs: Record<string, string>;
}

const MAX_TITLE = 200;
const MAX_TEXT = 6_000;
const MAX_FACTS = 12;
const MAX_FACT = 200;
const ID_NAME = /^[a-z][A-Za-z]{0,38}Id$/;
const ID_VALUE = /^[A-Za-z0-9:_-]{1,100}$/;
/** Of an event's data these are for the machinery, not for readers. */
const NOT_FACTS = new Set(['recipients', 'title', 'text', 'channels', 'critical', 'author']);

/** Shapes of keys and tokens, ours and those of the services that agents use. Whoever pasted one must not spread it. */
const SECRETS = [
  /\bhou_[A-Za-z0-9_]{20,}/g,
  /\bwhsec_[A-Za-z0-9+/=]{16,}/g,
  /\bsk-[A-Za-z0-9_-]{16,}/g,
  /\bxox[a-z]-[A-Za-z0-9-]{10,}/g,
  /\bgh[pousr]_[A-Za-z0-9]{20,}/g,
  /\bAKIA[A-Z0-9]{16}\b/g,
  /\bBearer\s+[A-Za-z0-9._~+/=-]{16,}/gi,
  /\bhttps:\/\/hooks\.slack\.com\/\S+/g,
  /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
];

/** The words of an event: its own, or else its type and its plainest facts. */
export function notificationText(event: { type: string; data: Record<string, unknown> }): NotificationText {
  const { title, text } = event.data;
  return {
    // Nothing may be left of a title.
    title: oneLine(typeof title === 'string' ? title : '') || event.type,
    text: cut(plain(typeof text === 'string' ? text : factsOf(event.data)), MAX_TEXT),
    refs: refsOf(event.data),
  };
}

/**
 * One message out of several: a title that counts them, and a paragraph for each that fits.
 * @param total of which `items` are the first; default: these are all
 */
export function digestText(
  eventType: string,
  items: readonly { title: string; text: string }[],
  total: number = items.length,
) {
  const [first, ...more] = items;
  if (first === undefined) throw new Error('A digest of nothing');
  if (more.length === 0) return { title: first.title, text: first.text };
  const paragraphs = items.map((item) => (item.text === '' ? item.title : `${item.title}\n${item.text}`));
  const rest = total > items.length ? `\n\n… and ${total - items.length} more` : '';
  return { title: `${total} × ${eventType}`, text: cut(paragraphs.join('\n\n'), MAX_TEXT - rest.length) + rest };
}

function factsOf(data: Record<string, unknown>): string {
  return Object.entries(data)
    .filter(([name, value]) => !NOT_FACTS.has(name) && ['string', 'number', 'boolean'].includes(typeof value))
    .slice(0, MAX_FACTS)
    .map(([name, value]) => `${name}: ${cut(String(value), MAX_FACT)}`)
    .join('\n');
}

function refsOf(data: Record<string, unknown>): Record<string, string> {
  const isRef = (entry: [string, unknown]): entry is [string, string] =>
    ID_NAME.test(entry[0]) && typeof entry[1] === 'string' && ID_VALUE.test(entry[1]);
  return Object.fromEntries(Object.entries(data).filter(isRef).slice(0, MAX_FACTS));
}

function oneLine(text: string): string {
  return cut(plain(text).replace(/\s+/g, ' ').trim(), MAX_TITLE);
}

/** Without secrets and without signs that only terminals and parsers understand. */
function plain(text: string): string {
  const shown = SECRETS.reduce((rest, secret) => rest.replace(secret, '[secret removed]'), text);
  // Line feeds and tabs stay; other controls, and those that turn the direction of writing, do not.
  return shown.replace(/\r\n?/g, '\n').replace(/[^\P{Cc}\n\t]|[\u202a-\u202e\u2066-\u2069]/gu, '');
}

function cut(text: string, most: number): string {
  const signs = [...text];
  return signs.length <= most ? text : `${signs.slice(0, most - 1).join('')}…`;
}
