import { registerDecorator } from 'class-validator';
import { ROLES } from '@houston/common/auth/roles.js';
import { TASK_STATUSES } from '@houston/common/domain/task-states.js';
import { TASK_PRIORITIES } from '@houston/common/tasks/task.row.js';
import { looksLikeId } from '../http/uuid.js';

const MAX_VALUES = 50;
const MAX_VALUE = 200;
const MAX_PATTERN = 1_000;
const MAX_THRESHOLD = 1e12;
const MAX_RECIPIENTS = 20;

/** Whom a rule is about: each field a value, or a list of values. */
export function IsMatch(): PropertyDecorator {
  return rule(
    'isMatch',
    isMatch,
    `Give priority, status, capability, tag or agent, each one value or a list of at most ${MAX_VALUES}.`,
  );
}

export function IsRecipients(): PropertyDecorator {
  return rule(
    'isRecipients',
    isRecipients,
    `Give at most ${MAX_RECIPIENTS} of {role}, {member: id} or {agent: id}; roles are ${ROLES.join(', ')}.`,
  );
}

export function IsThreshold(): PropertyDecorator {
  return rule('isThreshold', isThreshold, `Give a number from 0 to ${MAX_THRESHOLD}, or for errorPattern a pattern.`);
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

const KNOWN: Readonly<Record<string, readonly string[] | null>> = {
  priority: TASK_PRIORITIES,
  status: TASK_STATUSES,
  capability: null,
  tag: null,
  agent: null,
};

function isMatch(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  return Object.entries(value).every(([field, given]) => {
    if (!Object.hasOwn(KNOWN, field)) return false;
    const known = KNOWN[field] ?? null;
    const values: unknown[] = Array.isArray(given) ? given : [given];
    return values.length > 0 && values.length <= MAX_VALUES && values.every((one) => isValue(one, known));
  });
}

function isValue(value: unknown, known: readonly string[] | null): boolean {
  if (typeof value !== 'string' || value === '' || value.length > MAX_VALUE) return false;
  return known === null || known.includes(value);
}

function isRecipients(value: unknown): boolean {
  return Array.isArray(value) && value.length > 0 && value.length <= MAX_RECIPIENTS && value.every(isRecipient);
}

function isRecipient(value: unknown): boolean {
  if (!isPlainObject(value)) return false;
  const [[kind, whom] = [], ...more] = Object.entries(value);
  if (more.length > 0 || typeof whom !== 'string') return false;
  if (kind === 'role') return (ROLES as readonly string[]).includes(whom);
  return (kind === 'member' || kind === 'agent') && looksLikeId(whom);
}

function isThreshold(value: unknown): boolean {
  if (typeof value === 'string') return value !== '' && value.length <= MAX_PATTERN;
  return typeof value === 'number' && value >= 0 && value <= MAX_THRESHOLD;
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
