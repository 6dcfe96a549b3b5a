import { registerDecorator } from 'class-validator';
import { nextTicks } from '@houston/common/schedules/cadence.js';
import { readCron } from '@houston/common/schedules/cron-expression.js';

const MAX_TAGS = 20;
const MAX_TAG_NAME = 100;
const MAX_TAG_VALUE = 200;
const MAX_METADATA_BYTES = 16_384;
const MAX_TEXTS = 50;
const MAX_TEXT = 8_000;

/** A flat object of text values. */
export function IsTags(): PropertyDecorator {
  return rule(
    'isTags',
    isTags,
    `Give an object of at most ${MAX_TAGS} names with text values of at most ${MAX_TAG_VALUE} characters.`,
  );
}

/** Longer texts by name. */
export function IsTexts(): PropertyDecorator {
  return rule(
    'isTexts',
    isTexts,
    `Give an object of at most ${MAX_TEXTS} names with text values of at most ${MAX_TEXT} characters.`,
  );
}

/** Any JSON object of limited size. */
export function IsMetadata(): PropertyDecorator {
  return rule('isMetadata', isMetadata, `Give a JSON object of at most ${MAX_METADATA_BYTES} bytes.`);
}

/** A time zone of the IANA database. */
export function IsTimeZone(): PropertyDecorator {
  return rule('isTimeZone', isTimeZone, 'Name a time zone of the IANA database such as Europe/Paris.');
}

/** A cron expression of five fields that comes sometime. */
export function IsCron(): PropertyDecorator {
  return rule('isCron', isCron, 'Write five fields such as "30 9 * * MON-FRI" that name a day that comes.');
}

function rule(name: string, validate: (value: unknown) => boolean, message: string): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name,
      target: target.constructor,
      propertyName: propertyName as string,
      validator: { validate, defaultMessage: () => message },
    });
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isTags(value: unknown): boolean {
  return areTexts(value, MAX_TAGS, MAX_TAG_VALUE);
}

function isTexts(value: unknown): boolean {
  return areTexts(value, MAX_TEXTS, MAX_TEXT);
}

function areTexts(value: unknown, most: number, longest: number): boolean {
  if (!isPlainObject(value)) return false;
  const entries = Object.entries(value);
  return (
    entries.length <= most &&
    entries.every(
      ([name, text]) =>
        name !== '' && name.length <= MAX_TAG_NAME && typeof text === 'string' && text.length <= longest,
    )
  );
}

function isMetadata(value: unknown): boolean {
  return isPlainObject(value) && Buffer.byteLength(JSON.stringify(value)) <= MAX_METADATA_BYTES;
}

function isCron(value: unknown): boolean {
  if (typeof value !== 'string' || !readCron(value).ok) return false;
  const cadence = { cron: value, everySeconds: null, timezone: 'UTC', anchorAt: new Date(), offsetMinutes: 0 };
  return nextTicks(cadence, new Date(), 1).length > 0;
}

/** Postgres and Intl read the same database; the fixed-offset spellings that only one of them knows are refused. */
function isTimeZone(value: unknown): boolean {
  if (typeof value !== 'string' || !/^[A-Za-z][A-Za-z0-9_+\-/]{0,63}$/.test(value)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: value }).resolvedOptions().timeZone.length > 0;
  } catch (error) {
    if (error instanceof RangeError) return false;
    throw error;
  }
}
