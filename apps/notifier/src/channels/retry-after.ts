const HTTP_DATE = /^[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT$/;
const LONGEST_SECONDS = 365 * 24 * 3600;

/**
 * Milliseconds a `Retry-After` header asks us to wait: whole seconds or an HTTP date. A date that has passed is 0;
 * anything unreadable is undefined; nobody may ask for more than a year.
 */
export function parseRetryAfterMs(value: string | string[] | undefined, now: Date): number | undefined {
  const text = (Array.isArray(value) ? value[0] : value)?.trim() ?? '';
  if (/^\d{1,15}$/.test(text)) return Math.min(Number(text), LONGEST_SECONDS) * 1_000;
  if (!HTTP_DATE.test(text)) return undefined;
  const dueMs = Date.parse(text);
  if (Number.isNaN(dueMs)) return undefined;
  return Math.min(Math.max(dueMs - now.getTime(), 0), LONGEST_SECONDS * 1_000);
}
