export const RANKING_STRATEGIES = ['balanced', 'fastest', 'cheapest', 'best', 'least_loaded'] as const;

export type RankingStrategy = (typeof RANKING_STRATEGIES)[number];

/** What is known of an agent that could do a task. */
export interface Candidate {
  readonly id: string;
  readonly name: string;
  readonly level: 'intern' | 'specialist' | 'lead';
  /** Leases it has now, and how many it may have. */
  readonly load: number;
  readonly maxConcurrent: number;
  /** Attempts ended lately, and how many of them succeeded. */
  readonly attempts: number;
  readonly successes: number;
  /** Median time of its successes in seconds; null: unknown. */
  readonly medianSeconds: number | null;
  /** What a task costs with it in USD; null: unknown. */
  readonly costUsd: number | null;
  /** By how many levels its capabilities exceed what is asked, summed. */
  readonly surplus: number;
}

/** Each from 0 (worst) to 1 (best). */
export type RankingTerm = 'speed' | 'price' | 'quality' | 'room';

export interface Ranked {
  readonly candidate: Candidate;
  /** From 0 to 1: the sum of the terms' contributions. */
  readonly score: number;
  readonly terms: Readonly<Record<RankingTerm, { value: number; weight: number }>>;
}

const WEIGHTS: Readonly<Record<RankingStrategy, Readonly<Record<RankingTerm, number>>>> = {
  balanced: { speed: 0.2, price: 0.2, quality: 0.35, room: 0.25 },
  fastest: { speed: 0.7, price: 0, quality: 0.1, room: 0.2 },
  cheapest: { speed: 0, price: 0.8, quality: 0.1, room: 0.1 },
  best: { speed: 0, price: 0, quality: 0.9, room: 0.1 },
  least_loaded: { speed: 0, price: 0, quality: 0.1, room: 0.9 },
};

/** A time or a price in the middle: who takes this long, or costs this much, gets half the term. */
const USUAL_SECONDS = 60;
const USUAL_COST_USD = 0.05;
const LEVELS = { intern: 0, specialist: 0.5, lead: 1 } as const;
/** The unknown is neither praised nor blamed. */
const UNKNOWN = 0.5;

/**
 * The candidates, best first. Deterministic: equal scores stand in the order of ids. Monotone: an agent that gets faster,
 * cheaper, more reliable or freer never falls behind one that stayed as it was, because no term looks at the others.
 */
export function rank(candidates: readonly Candidate[], strategy: RankingStrategy = 'balanced'): Ranked[] {
  return candidates
    .map((candidate) => score(candidate, WEIGHTS[strategy]))
    .sort((a, b) => b.score - a.score || (a.candidate.id < b.candidate.id ? -1 : 1));
}

/** What a strategy makes of an agent before anybody looks at its load: with it, its score is `base + room x free share`. */
export interface Standing {
  readonly base: number;
  readonly room: number;
}

export function standingOf(
  agent: Omit<Candidate, 'load' | 'maxConcurrent'>,
  strategy: RankingStrategy = 'balanced',
): Standing {
  const { terms } = score({ ...agent, load: 0, maxConcurrent: 1 }, WEIGHTS[strategy]);
  const { room, ...others } = terms;
  return { base: Object.values(others).reduce((sum, term) => sum + term.value * term.weight, 0), room: room.weight };
}

export function isRankingStrategy(value: unknown): value is RankingStrategy {
  return RANKING_STRATEGIES.some((strategy) => strategy === value);
}

function score(candidate: Candidate, weights: Readonly<Record<RankingTerm, number>>): Ranked {
  const values = termsOf(candidate);
  const terms = {
    speed: { value: values.speed, weight: weights.speed },
    price: { value: values.price, weight: weights.price },
    quality: { value: values.quality, weight: weights.quality },
    room: { value: values.room, weight: weights.room },
  };
  const total = Object.values(terms).reduce((sum, term) => sum + term.value * term.weight, 0);
  return { candidate, score: Math.round(total * 1_000_000) / 1_000_000, terms };
}

function termsOf(candidate: Candidate): Record<RankingTerm, number> {
  const { load, maxConcurrent, attempts, successes, medianSeconds, costUsd, surplus, level } = candidate;
  // Two imagined attempts, one of them good: a first failure does not condemn an agent, a first success does not crown it.
  const reliability = (successes + 1) / (attempts + 2);
  const skill = (LEVELS[level] + surplus / (surplus + 2)) / 2;
  return {
    speed: round(medianSeconds === null ? UNKNOWN : USUAL_SECONDS / (USUAL_SECONDS + medianSeconds)),
    price: round(costUsd === null ? UNKNOWN : USUAL_COST_USD / (USUAL_COST_USD + costUsd)),
    quality: round(0.7 * reliability + 0.3 * skill),
    room: round(Math.max(0, 1 - load / Math.max(1, maxConcurrent))),
  };
}

function round(value: number): number {
  return Math.round(value * 10_000) / 10_000;
}
