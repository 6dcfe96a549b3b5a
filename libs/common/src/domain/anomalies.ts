/** What is done about an agent that does not behave like itself: nothing, an event, or its budgets are frozen for a while. */
export const ANOMALY_MODES = ['off', 'flag', 'freeze'] as const;

export type AnomalyMode = (typeof ANOMALY_MODES)[number];

export const ANOMALY_KINDS = ['spend_velocity', 'repeated_calls', 'denial_storm'] as const;

export type AnomalyKind = (typeof ANOMALY_KINDS)[number];

/** What counts as unlike itself, within a quarter of an hour. */
export interface AnomalySettings {
  mode: AnomalyMode;
  /** So many times what the agent spends in a busy quarter of an hour. */
  spendFactor: number;
  /** So many calls that do not differ in anything. */
  repeatedCalls: number;
  /** So many denials. */
  denials: number;
  /** How long a budget stays frozen, in minutes, unless somebody thaws it before. */
  freezeMinutes: number;
}

export const ANOMALY_RANGES = {
  spendFactor: { least: 2, most: 100, default: 3 },
  repeatedCalls: { least: 10, most: 100_000, default: 100 },
  denials: { least: 10, most: 100_000, default: 50 },
  freezeMinutes: { least: 1, most: 10_080, default: 60 },
} as const;

/** A quarter of an hour of an agent's life in the past. */
export interface BaselineBucket {
  readonly spentNano: bigint;
  readonly calls: number;
}

/** What an agent does at present, and what it did before. */
export interface AgentConduct {
  /** Within the last quarter of an hour. */
  readonly spentNano: bigint;
  readonly calls: number;
  /** The largest number of calls among them that do not differ in anything. */
  readonly repeatedCalls: number;
  readonly denials: number;
  /** Quarters of an hour in which it did something, without the present one. */
  readonly baseline: readonly BaselineBucket[];
}

export interface Anomaly {
  readonly kind: AnomalyKind;
  /** What was seen, and what would have been like the agent. */
  readonly evidence: Readonly<Record<string, string | number>>;
}

/** Fewer busy quarters of an hour are no habit: until then nobody is judged. */
export const LEAST_BASELINE = 12;
/** Of small change nobody runs away: 1 USD. */
export const LEAST_SPENT_NANO = 1_000_000_000n;
/** A storm is made of denials, not of a few among many runs that pass. */
const STORM_PERCENT = 80;
const BUSY_PERCENTILE = 0.95;

/** In which ways an agent behaves unlike itself. Nothing, while it is too new to be known. */
export function findAnomalies(conduct: AgentConduct, settings: AnomalySettings): Anomaly[] {
  if (conduct.baseline.length < LEAST_BASELINE) return [];
  return [spendVelocity(conduct, settings), repeatedCalls(conduct, settings), denialStorm(conduct, settings)].filter(
    (found) => found !== null,
  );
}

function spendVelocity({ spentNano, baseline }: AgentConduct, { spendFactor }: AnomalySettings): Anomaly | null {
  const busy = busyValue(baseline.map((bucket) => bucket.spentNano));
  // Thousandths, because money stays whole.
  const limit = (busy * BigInt(Math.round(spendFactor * 1_000))) / 1_000n;
  if (spentNano <= limit || spentNano < LEAST_SPENT_NANO) return null;
  return {
    kind: 'spend_velocity',
    evidence: { spentNano: spentNano.toString(), busyNano: busy.toString(), factor: spendFactor },
  };
}

/** Many equal calls are a loop only where they make more of it than there usually is. */
function repeatedCalls(conduct: AgentConduct, { repeatedCalls: most }: AnomalySettings): Anomaly | null {
  const busy = Number(busyValue(conduct.baseline.map((bucket) => BigInt(bucket.calls))));
  if (conduct.repeatedCalls < most || conduct.repeatedCalls <= busy) return null;
  return {
    kind: 'repeated_calls',
    evidence: { repeated: conduct.repeatedCalls, calls: conduct.calls, busyCalls: busy },
  };
}

function denialStorm({ denials, calls }: AgentConduct, { denials: most }: AnomalySettings): Anomaly | null {
  if (denials < most || denials * 100 < (denials + calls) * STORM_PERCENT) return null;
  return { kind: 'denial_storm', evidence: { denials, admitted: calls } };
}

/** What is exceeded in one of twenty quarters of an hour. */
function busyValue(values: readonly bigint[]): bigint {
  const sorted = [...values].sort((a, b) => (a < b ? -1 : a > b ? 1 : 0));
  return sorted[Math.ceil(sorted.length * BUSY_PERCENTILE) - 1] ?? 0n;
}

export function isAnomalyMode(value: unknown): value is AnomalyMode {
  return ANOMALY_MODES.some((mode) => mode === value);
}
