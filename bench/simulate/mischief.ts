import { createHash } from 'node:crypto';

/** What can become of an attempt that should have gone well. */
export const MISCHIEFS = [
  /** The agent dies in the middle of its work. */
  'dies',
  /** It dies when all is done and only the report is missing. */
  'dies-late',
  /** It stands still until long after its lease, and then reports as if nothing had happened. */
  'hangs',
  /** It takes the task and never says a word about it. */
  'deaf',
  /** It is alive, says so, and gets nowhere. */
  'stalls',
  /** Its connection breaks in the middle. */
  'disconnects',
] as const;

export type Mischief = (typeof MISCHIEFS)[number] | 'none';

/** What a task is meant to come to. `flaky`: every attempt fails; `hopeless`: the first failure is final. */
export type Fate = 'done' | 'flaky' | 'hopeless';

/** Attempts after this one go well, so that every task comes to an end. */
const LAST_BAD_ATTEMPT = 2;

/** A number from 0 to 1, the same for the same words. */
export function chance(...words: (string | number)[]): number {
  return createHash('sha256').update(words.join('\0')).digest().readUInt32BE() / 2 ** 32;
}

/** What happens in one attempt: decided by the seed alone, so that a run can be repeated. @param share of bad attempts */
export function mischiefOf(seed: string, task: number, fence: number, share: number): Mischief {
  if (fence > LAST_BAD_ATTEMPT || chance(seed, 'whether', task, fence) >= share) return 'none';
  return MISCHIEFS[Math.floor(chance(seed, 'which', task, fence) * MISCHIEFS.length)] ?? 'none';
}

export function fateOf(seed: string, task: number): Fate {
  const drawn = chance(seed, 'fate', task);
  if (drawn < 0.04) return 'flaky';
  return drawn < 0.08 ? 'hopeless' : 'done';
}

/** How long an agent is deaf when it starts: a fifth of them, long enough for an offer to be taken back from them. */
export function deafMs(seed: string, agent: number): number {
  return chance(seed, 'deaf', agent) < 0.2 ? 12_000 : 0;
}

/** How far an agent's clock is off: most of them a little, some by minutes, either way. */
export function clockOffsetMs(seed: string, agent: number): number {
  const drawn = chance(seed, 'clock', agent);
  return drawn < 0.5 ? 0 : Math.round((drawn - 0.75) * 40 * 60_000);
}
