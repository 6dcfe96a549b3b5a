import { LRUCache } from 'lru-cache';

const HEALTHY_LIMIT = 8;
/** For an endpoint that failed last, or is not known yet: it may keep each attempt waiting until its deadline. */
const DOUBTFUL_LIMIT = 2;
const REMEMBERED = 10_000;
const LEAST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 60_000;
const FIRST_GUESS_MS = 1_000;

interface Slots {
  inFlight: number;
  isHealthy: boolean;
  lastDurationMs: number;
  /** Until when the slots are promised to those that were sent away, in milliseconds of the clock. */
  promisedUntilMs: number;
}

/**
 * Limits the attempts that one process makes at the same time to one endpoint, so that a dead one takes no more than a
 * few of the worker's places. Who finds no slot is told when to come again; the times are spread by how long the
 * endpoint took last, so that many waiting deliveries do not come back together.
 */
export class EndpointSlots {
  private readonly busy = new Map<string, Slots>();
  private readonly idle = new LRUCache<string, Slots>({ max: REMEMBERED });

  constructor(
    private readonly clock: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {}

  /** Milliseconds to wait for a slot; 0 when one is free. */
  waitMs(endpointId: string): number {
    const slots = this.busy.get(endpointId);
    if (slots === undefined || slots.inFlight < limitOf(slots)) return 0;
    const nowMs = this.clock();
    const shareMs = slots.lastDurationMs / limitOf(slots);
    const promisedMs = Math.max(slots.promisedUntilMs, nowMs) + shareMs;
    slots.promisedUntilMs = Math.min(promisedMs, nowMs + LONGEST_WAIT_MS);
    const waitMs = Math.max(LEAST_WAIT_MS, slots.promisedUntilMs - nowMs);
    return Math.ceil(waitMs * (1 + 0.1 * this.random()));
  }

  /** Takes a slot, which `waitMs` has shown to be free. */
  take(endpointId: string): void {
    const slots = this.busy.get(endpointId) ?? this.idle.get(endpointId) ?? newSlots();
    slots.inFlight += 1;
    this.busy.set(endpointId, slots);
  }

  /** Gives the slot back, with what the attempt showed; null: it was not made. */
  release(endpointId: string, seen: { succeeded: boolean; durationMs: number } | null): void {
    const slots = this.busy.get(endpointId);
    if (slots === undefined) throw new Error(`No slot of endpoint ${endpointId} was taken`);
    slots.inFlight -= 1;
    if (seen !== null) {
      slots.isHealthy = seen.succeeded;
      slots.lastDurationMs = seen.durationMs;
    }
    if (slots.inFlight > 0) return;
    this.busy.delete(endpointId);
    this.idle.set(endpointId, slots);
  }
}

function limitOf({ isHealthy }: Slots): number {
  return isHealthy ? HEALTHY_LIMIT : DOUBTFUL_LIMIT;
}

function newSlots(): Slots {
  return { inFlight: 0, isHealthy: false, lastDurationMs: FIRST_GUESS_MS, promisedUntilMs: 0 };
}
