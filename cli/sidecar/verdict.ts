import type { Exit } from './command.js';
import type { Failure, Report } from './hub.js';
import type { Output } from './output.js';

/** Ways of ending that mend nothing when tried again, as sysexits.h names them: usage, data, configuration. */
const PERMANENT_CODES: readonly (number | null)[] = [64, 65, 78];
const FAILURES: readonly unknown[] = ['transient', 'permanent', 'quota'];
const MAX_ERROR = 8_000;

/** Why a command was told to end, if it was. */
export type Cause = 'none' | 'shutdown' | 'stopped';

/**
 * What an ended command means. Its own words come first: `{"result": ...}` or any other JSON where it ended well,
 * `{"error": "...", "kind": ...}` where it did not; then its exit code.
 */
export function reportOf(exit: Exit, output: Output, cause: Cause): Report {
  const words = wordsIn(output);
  if (typeof words['error'] === 'string' && (exit.code !== 0 || FAILURES.includes(words['kind']))) {
    return failureOf(words['error'], words, exit);
  }
  if (exit.code === 0) return completion(output, words);
  if (cause === 'shutdown') return { kind: 'release', reason: 'The sidecar was stopped.' };
  if (cause === 'stopped') {
    return { kind: 'fail', failure: 'transient', error: 'Houston told it to stop.', errorType: 'stopped' };
  }
  const how = exit.code === null ? `It was ended by ${exit.signal}.` : `It ended with exit code ${exit.code}.`;
  const said = output.kind === 'text' ? `\n${output.text.slice(-MAX_ERROR / 2)}` : '';
  return failureOf(`${how}${said}`, {}, exit);
}

function completion(output: Output, words: Record<string, unknown>): Report {
  if (hasOwnWords(words)) {
    const { result, evidence, outcome, usage } = words;
    return { kind: 'complete', result, evidence, usage, ...(typeof outcome === 'string' ? { outcome } : {}) };
  }
  switch (output.kind) {
    case 'json':
      return { kind: 'complete', result: output.value };
    case 'text':
      return { kind: 'complete', result: { exitCode: 0, output: output.text } };
    case 'nothing':
      return { kind: 'complete', result: { exitCode: 0 } };
  }
}

/** A `result` of null shows nothing that was done; the task as it came in has one too, and a command may just echo it. */
function hasOwnWords({ result, evidence }: Record<string, unknown>): boolean {
  return result !== undefined && (result !== null || (evidence ?? null) !== null);
}

function failureOf(error: string, words: Record<string, unknown>, exit: Exit): Report {
  const byCode: Failure = PERMANENT_CODES.includes(exit.code) ? 'permanent' : 'transient';
  const failure = FAILURES.includes(words['kind']) ? (words['kind'] as Failure) : byCode;
  const texts = (['errorType', 'resetsAt', 'provider'] as const).flatMap((name) => {
    const value = words[name];
    return typeof value === 'string' ? [[name, value] as const] : [];
  });
  return { kind: 'fail', failure, error: error.slice(0, MAX_ERROR), ...Object.fromEntries(texts) };
}

function wordsIn(output: Output): Record<string, unknown> {
  if (output.kind !== 'json' || typeof output.value !== 'object' || output.value === null) return {};
  return output.value as Record<string, unknown>;
}
