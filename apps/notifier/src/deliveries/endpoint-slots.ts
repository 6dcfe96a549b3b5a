import { LRUCache } from 'lru-cache';
import { DoubtfulPlaces } from './doubtful-places.js';

const HEALTHY_LIMIT = 8;
/** For an endpoint that failed last, or is not known yet: it may keep each attempt waiting until its deadline. */
const DOUBTFUL_LIMIT = 2;
const REMEMBERED = 10_000;
const LEAST_WAIT_MS = 20;
const LONGEST_WAIT_MS = 60_000;
const LONGEST_REST_MS = 300_000;
const FIRST_GUESS_MS = 1_000;
/** A healthy endpoint frees a slot within this; whoever waits keeps one of the worker's places meanwhile. */
const PATIENCE_MS = 1_000;

/** What an attempt showed of its endpoint. */
export interface EndpointSight {
  succeeded: boolean;
  durationMs: number;
  /** How long it asked to be left alone, by everybody. */
  restMs?: number;
}

interface Slots {
  inFlight: number;
  /** Of these, how many were begun while its health was in doubt, and take one of their workspace's places. */
  doubtful: number;
  /** How the last attempt ended. */
  health: 'unknown' | 'healthy' | 'failing';
  lastDurationMs: number;
  /** Until when the slots are promised to those that were sent away, in milliseconds of the clock. */
  promisedUntilMs: number;
  /** Until when it asked to be left alone, in milliseconds of the clock. */
  restsUntilMs: number;
  /** Those who wait here for a slot, first come first. */
  waiting: (() => void)[];
}

/**
 * Limits the attempts that one process makes at the same time to one endpoint, so that a dead one takes no more than a
 * few of the worker's places. Who finds no slot waits a moment, unless the endpoint is known to fail, and is then told
 * when to come again; those times are spread by how long the endpoint took last, so that many do not come back together.
 * One that asked to be left alone is, by all that goes there: what would be turned away keeps its attempt.
 * All doubtful endpoints of a workspace together have no more than their share of the places.
 */
export class EndpointSlots {
  private readonly busy = new Map<string, Slots>();
  private readonly idle = new LRUCache<string, Slots>({ max: REMEMBERED });
  private readonly places: DoubtfulPlaces;

  constructor(
    private readonly clock: () => number = Date.now,
    private readonly random: () => number = Math.random,
  ) {
    this.places = new DoubtfulPlaces(clock);
  }

  /**
   * Takes a slot, to be given back with `release` under the same names.
   * @param workspaceId whose endpoint it is; without one it stands for itself
   * @returns 0, or without a slot the milliseconds to stay away
   */
  async take(endpointId: string, workspaceId = endpointId): Promise<number> {
    const slots = this.busy.get(endpointId) ?? this.idle.get(endpointId) ?? newSlots();
    const isCrowded = slots.health !== 'healthy' && !this.places.hasRoom(workspaceId);
    if (isCrowded) return this.spread(this.places.promise(workspaceId));
    if (this.rests(slots)) return this.promise(slots);
    this.busy.set(endpointId, slots);
    if (slots.inFlight < limitOf(slots)) {
      this.begin(slots, workspaceId);
      return 0;
    }
    if (slots.health !== 'failing' && (await this.handedOver(slots))) return 0;
    return this.promise(slots);
  }

  /** Gives the slot back, with what the attempt showed; null: none was made. */
  release(endpointId: string, seen: EndpointSight | null, workspaceId = endpointId): void {
    const slots = this.busy.get(endpointId);
    if (slots === undefined || slots.inFlight === 0) throw new Error(`No slot of endpoint ${endpointId} was taken`);
    slots.inFlight -= 1;
    if (slots.doubtful > 0) {
      slots.doubtful -= 1;
      this.places.release(workspaceId, seen?.durationMs ?? null);
    }
    if (seen !== null) {
      const health = seen.succeeded ? 'healthy' : 'failing';
      // What was promised at another pace counts no more: one that answers after all would be kept idle by it.
      if (health !== slots.health) slots.promisedUntilMs = 0;
      slots.health = health;
      const restMs = Math.min(seen.restMs ?? 0, LONGEST_REST_MS);
      slots.lastDurationMs = Math.max(seen.durationMs, restMs);
      slots.restsUntilMs = Math.max(slots.restsUntilMs, this.clock() + restMs);
    }
    while (slots.inFlight < limitOf(slots) && !this.rests(slots)) {
      const next = slots.waiting.shift();
      if (next === undefined) break;
      this.begin(slots, workspaceId);
      next();
    }
    if (slots.inFlight > 0) return;
    this.busy.delete(endpointId);
    this.idle.set(endpointId, slots);
  }

  private rests({ restsUntilMs }: Slots): boolean {
    return restsUntilMs > this.clock();
  }

  private begin(slots: Slots, workspaceId: string): void {
    slots.inFlight += 1;
    if (slots.health === 'healthy') return;
    slots.doubtful += 1;
    this.places.take(workspaceId);
  }

  /** Whether a slot was handed over before patience ran out. */
  private handedOver(slots: Slots): Promise<boolean> {
    return new Promise((resolve) => {
      const hand = () => {
        clearTimeout(timer);
        resolve(true);
      };
      const timer = setTimeout(() => {
        slots.waiting = slots.waiting.filter((one) => one !== hand);
        resolve(false);
      }, PATIENCE_MS);
      slots.waiting.push(hand);
    });
  }

  private promise(slots: Slots): number {
    const nowMs = this.clock();
    const shareMs = slots.lastDurationMs / limitOf(slots);
    const promisedMs = Math.max(slots.promisedUntilMs, slots.restsUntilMs, nowMs) + shareMs;
    slots.promisedUntilMs = Math.min(promisedMs, nowMs + LONGEST_WAIT_MS);
    return this.spread(slots.promisedUntilMs - nowMs);
  }

  private spread(waitMs: number): number {
    return Math.ceil(Math.max(LEAST_WAIT_MS, waitMs) * (1 + 0.1 * this.random()));
  }
}

function limitOf({ health }: Slots): number {
  return health === 'healthy' ? HEALTHY_LIMIT : DOUBTFUL_LIMIT;
}

function newSlots(): Slots {
  return {
    inFlight: 0,
    doubtful: 0,
    health: 'unknown',
    lastDurationMs: FIRST_GUESS_MS,
    promisedUntilMs: 0,
    restsUntilMs: 0,
    waiting: [],
  };
}
