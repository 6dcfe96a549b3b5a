import { TraceRow } from './read-trace.js';

interface Role {
  agent: string;
  model: string;
  inputTokens: number;
  outputTokens: number;
  /** Share of all runs, relative to the others. */
  weight: number;
}

const ROLES: readonly Role[] = [
  { agent: 'triage', model: 'gpt-4o-mini', inputTokens: 600, outputTokens: 60, weight: 8 },
  { agent: 'support', model: 'gpt-4o', inputTokens: 1_800, outputTokens: 250, weight: 5 },
  { agent: 'researcher', model: 'claude-sonnet-4-5', inputTokens: 6_000, outputTokens: 700, weight: 3 },
  { agent: 'coder', model: 'claude-sonnet-4-5', inputTokens: 9_000, outputTokens: 900, weight: 3 },
  { agent: 'reviewer', model: 'gpt-4o', inputTokens: 4_000, outputTokens: 300, weight: 2 },
  { agent: 'summariser', model: 'gemini-2.5-flash', inputTokens: 8_000, outputTokens: 350, weight: 3 },
];

export interface FleetPlan {
  runs: number;
  /** How long the fleet works. */
  spanMs: number;
  startsAt: Date;
  /** The same seed makes the same fleet. */
  seed: number;
}

/** The runs of a small fleet of agents, in order of time. */
export function* fleetRuns({ runs, spanMs, startsAt, seed }: FleetPlan): Generator<TraceRow> {
  const random = seededRandom(seed);
  const gapsMs = Array.from({ length: runs }, () => -Math.log(1 - random()));
  const scale = spanMs / gapsMs.reduce((sum, gap) => sum + gap, 0);
  let passedMs = 0;
  for (const gap of gapsMs) {
    passedMs += gap * scale;
    const role = pickRole(random());
    const spread = 0.5 + random();
    yield {
      at: new Date(startsAt.getTime() + Math.floor(passedMs)),
      agent: role.agent,
      model: role.model,
      inputTokens: Math.round(role.inputTokens * spread),
      outputTokens: Math.round(role.outputTokens * (0.5 + random())),
    };
  }
}

function pickRole(share: number): Role {
  const total = ROLES.reduce((sum, role) => sum + role.weight, 0);
  let rest = share * total;
  const picked = ROLES.find((role) => (rest -= role.weight) < 0) ?? ROLES.at(-1);
  if (picked === undefined) throw new Error('The fleet has no roles');
  return picked;
}

/** Mulberry32: small, even enough for a demo, and the same everywhere. */
function seededRandom(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
