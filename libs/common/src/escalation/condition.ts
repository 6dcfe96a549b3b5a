import { type CelInput, celEnv, CelScalar, isCelError, parse, plan } from '@bufbuild/cel';
import { LRUCache } from 'lru-cache';
import { conditionFault } from './condition-check.js';
import { withinMs } from '../patterns/within-ms.js';

const MAX_LENGTH = 2_000;
const PARSE_MS = 500;
const EVALUATE_MS = 100;
const REMEMBERED = 1_000;

/** What a condition can look at, by the names of its declared variables. */
export interface ConditionInput {
  task: CelInput;
  agent: CelInput;
  now: CelInput;
}

export type ConditionVerdict = { kind: 'true' } | { kind: 'false' } | { kind: 'failed'; problem: string };

type Evaluate = (input: ConditionInput) => unknown;
type Compiled = { ok: true; evaluate: Evaluate } | { ok: false; problem: string };

const environment = celEnv({
  variables: { task: CelScalar.DYN, agent: CelScalar.DYN, now: CelScalar.DYN },
});
const functions: ReadonlySet<string> = new Set([...environment.funcs].map((func) => func.name));
const compiled = new LRUCache<string, Compiled>({ max: REMEMBERED });

/** What is wrong with a condition, as a sentence, or null. Nothing is evaluated. */
export function problemOf(condition: string): string | null {
  const result = compile(condition);
  return result.ok ? null : result.problem;
}

/**
 * Whether a condition holds. What cannot be evaluated (a field of nothing, a comparison of unlike things, an evaluation
 * that takes longer than 100 ms) has failed, and does not hold.
 */
export function evaluate(condition: string, input: ConditionInput): ConditionVerdict {
  const result = compile(condition);
  if (!result.ok) return { kind: 'failed', problem: result.problem };
  try {
    const value = withinMs(EVALUATE_MS, () => result.evaluate(input));
    if (isCelError(value)) return { kind: 'failed', problem: value.message };
    if (typeof value !== 'boolean') return { kind: 'failed', problem: 'It did not come to true or false.' };
    return { kind: value ? 'true' : 'false' };
  } catch (error) {
    return { kind: 'failed', problem: messageOf(error) };
  }
}

function compile(condition: string): Compiled {
  const known = compiled.get(condition);
  if (known) return known;
  const result = compileAnew(condition);
  if (condition.length <= MAX_LENGTH) compiled.set(condition, result);
  return result;
}

function compileAnew(condition: string): Compiled {
  if (condition.length > MAX_LENGTH) return { ok: false, problem: `It is longer than ${MAX_LENGTH} characters.` };
  try {
    const parsed = withinMs(PARSE_MS, () => parse(condition));
    const problem = conditionFault(parsed.expr, functions);
    if (problem !== null) return { ok: false, problem };
    const evaluateIt = plan(environment, parsed);
    return { ok: true, evaluate: (input) => evaluateIt({ ...input }) };
  } catch (error) {
    return { ok: false, problem: messageOf(error) };
  }
}

function messageOf(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).slice(0, 300);
}
