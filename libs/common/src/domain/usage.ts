/** Token counts of one execution. All are integers from 0 to MAX_TOKENS. */
export interface Usage {
  /** All input tokens, cached ones included. */
  inputTokens: number;
  /** All output tokens, reasoning included. */
  outputTokens: number;
  /** The part of inputTokens that was read from a prompt cache. */
  cacheReadTokens: number;
  /** The part of inputTokens that was written to a prompt cache. */
  cacheWriteTokens: number;
  /** The part of outputTokens that was reasoning. */
  reasoningTokens: number;
}

export interface UsageFault {
  /** The field as it was sent, with dots; empty when the usage as a whole is wrong. */
  path: string;
  message: string;
}

export type NormalisedUsage = { ok: true; usage: Usage } | { ok: false; faults: UsageFault[] };

/** More tokens than any model run can use; below it, counts and their sums are exact integers. */
export const MAX_TOKENS = 10_000_000_000;

interface Spelling {
  input: string;
  output: string;
  cacheRead: string;
  cacheWrite: string;
  reasoning: string;
  /** Whether the input count leaves cached tokens out, so that they must be added. */
  inputExcludesCache: boolean;
  /** Model vendors write null for details they do not report; from our own clients null is a lost NaN. */
  nullMeansAbsent: boolean;
}

const HOUSTON: Spelling = {
  input: 'inputTokens',
  output: 'outputTokens',
  cacheRead: 'cacheReadTokens',
  cacheWrite: 'cacheWriteTokens',
  reasoning: 'reasoningTokens',
  inputExcludesCache: false,
  nullMeansAbsent: false,
};
const CHAT_COMPLETIONS: Spelling = {
  input: 'prompt_tokens',
  output: 'completion_tokens',
  cacheRead: 'prompt_tokens_details.cached_tokens',
  cacheWrite: 'prompt_tokens_details.cache_write_tokens',
  reasoning: 'completion_tokens_details.reasoning_tokens',
  inputExcludesCache: false,
  nullMeansAbsent: true,
};
const RESPONSES: Spelling = {
  input: 'input_tokens',
  output: 'output_tokens',
  cacheRead: 'input_tokens_details.cached_tokens',
  cacheWrite: 'input_tokens_details.cache_write_tokens',
  reasoning: 'output_tokens_details.reasoning_tokens',
  inputExcludesCache: false,
  nullMeansAbsent: true,
};
const ANTHROPIC: Spelling = {
  input: 'input_tokens',
  output: 'output_tokens',
  cacheRead: 'cache_read_input_tokens',
  cacheWrite: 'cache_creation_input_tokens',
  reasoning: 'output_tokens_details.reasoning_tokens',
  inputExcludesCache: true,
  nullMeansAbsent: true,
};

/**
 * Reads token counts from untrusted JSON in our own spelling, or in that of OpenAI chat completions
 * (`prompt_tokens`), OpenAI responses (`input_tokens`) or Anthropic messages (`input_tokens` beside
 * `cache_read_input_tokens` / `cache_creation_input_tokens`, which its input count leaves out).
 * A missing count is 0, but the input or the output count must be there. Unknown fields are ignored.
 */
export function normaliseUsage(raw: unknown): NormalisedUsage {
  if (!isRecord(raw)) return refuse('', 'Send usage as an object such as {"inputTokens": 1200, "outputTokens": 300}.');
  const spellings = spellingsIn(raw);
  const [spelling, second] = spellings;
  if (!spelling) return refuse('', 'Send at least inputTokens or outputTokens.');
  if (second)
    return refuse(second.present, `Send either ${spelling.present} or ${second.present}: one spelling, not two.`);
  return readUsage(raw, spelling.spelling);
}

function spellingsIn(raw: Record<string, unknown>): { spelling: Spelling; present: string }[] {
  const snake = has(raw, ANTHROPIC.cacheRead) || has(raw, ANTHROPIC.cacheWrite) ? ANTHROPIC : RESPONSES;
  return [HOUSTON, CHAT_COMPLETIONS, snake].flatMap((spelling) => {
    const present = [spelling.input, spelling.output].find((field) => has(raw, field));
    return present === undefined ? [] : [{ spelling, present }];
  });
}

function readUsage(raw: Record<string, unknown>, spelling: Spelling): NormalisedUsage {
  const faults: UsageFault[] = [];
  const count = (path: string, isDetail: boolean) => readCount(raw, path, isDetail && spelling.nullMeansAbsent, faults);
  const cacheReadTokens = count(spelling.cacheRead, true);
  const cacheWriteTokens = count(spelling.cacheWrite, true);
  const cached = cacheReadTokens + cacheWriteTokens;
  const usage: Usage = {
    inputTokens: count(spelling.input, false) + (spelling.inputExcludesCache ? cached : 0),
    outputTokens: count(spelling.output, false),
    cacheReadTokens,
    cacheWriteTokens,
    reasoningTokens: count(spelling.reasoning, true),
  };
  if (faults.length === 0) checkParts(usage, cached, spelling, faults);
  return faults.length === 0 ? { ok: true, usage } : { ok: false, faults };
}

function checkParts(usage: Usage, cached: number, spelling: Spelling, faults: UsageFault[]): void {
  if (usage.inputTokens > MAX_TOKENS)
    faults.push({ path: spelling.input, message: `Input tokens must be at most ${MAX_TOKENS}, cached ones included.` });
  if (cached > usage.inputTokens) {
    const path =
      usage.cacheReadTokens > usage.inputTokens || usage.cacheWriteTokens === 0
        ? spelling.cacheRead
        : spelling.cacheWrite;
    faults.push({
      path,
      message: `Cached tokens (${cached}) cannot exceed ${spelling.input} (${usage.inputTokens}), which includes them.`,
    });
  }
  if (usage.reasoningTokens > usage.outputTokens) {
    const message = `Reasoning tokens (${usage.reasoningTokens}) cannot exceed ${spelling.output} (${usage.outputTokens}), which includes them.`;
    faults.push({ path: spelling.reasoning, message });
  }
}

function readCount(raw: Record<string, unknown>, path: string, nullMeansAbsent: boolean, faults: UsageFault[]): number {
  const [field = '', detail] = path.split('.');
  let value = own(raw, field);
  if (detail !== undefined && value !== undefined && value !== null) {
    if (!isRecord(value)) {
      if (!faults.some((fault) => fault.path === field))
        faults.push({ path: field, message: 'Must be an object of token counts.' });
      return 0;
    }
    value = own(value, detail);
  }
  if (value === undefined || (value === null && nullMeansAbsent)) return 0;
  if (typeof value === 'number' && Number.isInteger(value) && value >= 0 && value <= MAX_TOKENS) return value + 0;
  faults.push({ path, message: `Must be a whole number from 0 to ${MAX_TOKENS}.` });
  return 0;
}

function has(record: Record<string, unknown>, field: string): boolean {
  return own(record, field) !== undefined;
}

/** Own fields only: a count must come from the sender, never from a prototype. */
function own(record: Record<string, unknown>, field: string): unknown {
  return Object.hasOwn(record, field) ? record[field] : undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(path: string, message: string): NormalisedUsage {
  return { ok: false, faults: [{ path, message }] };
}
