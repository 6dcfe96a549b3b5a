import type { Fault } from './problem.js';

const MAX_DEPTH = 32;
const MAX_SAFE_DIGITS = 16;

/** What came instead of a usable body. It is thrown only after the caller's role was checked. */
export class BodyFault {
  constructor(
    readonly code: 'malformed_request' | 'invalid_values',
    readonly detail: string,
    readonly errors: Fault[] = [],
  ) {}
}

/**
 * Parses a JSON body so that nothing in it is silently changed: integers beyond 2^53, NUL characters and lone
 * surrogates, which JavaScript or Postgres could not keep, are refused with their path, and so is deep nesting.
 */
export function parseJsonBody(text: string): unknown {
  if (text.trim() === '') return {};
  if (tooDeep(text)) return new BodyFault('malformed_request', `The body is nested deeper than ${MAX_DEPTH} levels.`);
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch (error) {
    return new BodyFault('malformed_request', `The body is not valid JSON: ${(error as Error).message}`);
  }
  if (typeof body !== 'object' || body === null || Array.isArray(body)) {
    return new BodyFault('malformed_request', 'The body must be a JSON object.');
  }
  if (!suspicious(text)) return body;
  const faults: Fault[] = [];
  inspect(body, '', faults);
  return faults.length > 0 ? new BodyFault('invalid_values', faults[0]!.message, faults) : body;
}

/** A cheap look that says whether the slow one is needed. Escapes can hide NUL, surrogates and __proto__. */
function suspicious(text: string): boolean {
  return /[0-9]{16}|\\u|__proto__|constructor|[eE][+]?[0-9]{2}/.test(text) || !text.isWellFormed();
}

function tooDeep(text: string): boolean {
  let depth = 0;
  let quoted = false;
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (quoted) {
      if (code === 0x5c) index += 1;
      else if (code === 0x22) quoted = false;
    } else if (code === 0x22) quoted = true;
    else if (code === 0x7b || code === 0x5b) {
      depth += 1;
      if (depth > MAX_DEPTH) return true;
    } else if (code === 0x7d || code === 0x5d) depth -= 1;
  }
  return false;
}

function inspect(value: unknown, path: string, faults: Fault[]): void {
  if (typeof value === 'string') inspectText(value, path, faults);
  else if (typeof value === 'number') inspectNumber(value, path, faults);
  else if (Array.isArray(value)) value.forEach((item, index) => inspect(item, `${path}[${index}]`, faults));
  else if (typeof value === 'object' && value !== null) {
    for (const key of Object.keys(value)) {
      const at = path === '' ? key : `${path}.${key}`;
      inspectText(key, at, faults);
      if (key === '__proto__' || key === 'constructor') {
        faults.push({ path: at, message: `The name ${key} is not allowed.` });
      } else inspect((value as Record<string, unknown>)[key], at, faults);
    }
  }
}

function inspectText(text: string, path: string, faults: Fault[]): void {
  if (text.includes('\u0000'))
    faults.push({ path, message: 'The NUL character (\\u0000) cannot be stored; leave it out.' });
  if (!text.isWellFormed())
    faults.push({ path, message: 'A lone surrogate is not a character; send well-formed Unicode.' });
}

function inspectNumber(value: number, path: string, faults: Fault[]): void {
  if (Number.isSafeInteger(value) || !Number.isInteger(value)) return;
  faults.push({
    path,
    message: `Integers of more than ${MAX_SAFE_DIGITS} digits lose precision; send it as a string.`,
  });
}
