/** Places of a worker that one workspace's attempts to doubtful endpoints may take. */
const PLACES = 30;
/** That those of all workspaces may take together; the rest is for endpoints that answer. */
const PLACES_OF_ALL = 60;
/** Beyond them for workspaces that have none: somebody new is heard even where everybody else's endpoints are dead. */
const PLACES_WITH_NEWCOMERS = 80;
const LEAST_PER_WORKSPACE = 2;
const FIRST_GUESS_MS = 1_000;
const LONGEST_WAIT_MS = 30 * 60_000;
/** How much the latest attempt counts for what the next will take. */
const WEIGHT = 0.2;

interface Share {
  inFlight: number;
  meanDurationMs: number;
  /** When somebody last took its first place or gave one back, in milliseconds of the clock. */
  movedAtMs: number;
  /** Until when the places are promised to those that were sent away, in milliseconds of the clock. */
  promisedUntilMs: number;
}

/**
 * Shares the places that endpoints of unknown or bad health may keep waiting among the workspaces that have such, so that
 * thousands of dead endpoints, of one workspace or of many, leave room for the attempts of the others.
 */
export class DoubtfulPlaces {
  private readonly shares = new Map<string, Share>();
  private inFlight = 0;

  constructor(private readonly clock: () => number = Date.now) {}

  hasRoom(workspaceId: string): boolean {
    const share = this.shares.get(workspaceId);
    if (share === undefined) return this.inFlight < PLACES_WITH_NEWCOMERS;
    return this.inFlight < PLACES_OF_ALL && share.inFlight < limitAmong(this.shares.size);
  }

  take(workspaceId: string): void {
    const share = this.shares.get(workspaceId) ?? {
      ...{ inFlight: 0, meanDurationMs: FIRST_GUESS_MS, movedAtMs: this.clock(), promisedUntilMs: 0 },
    };
    share.inFlight += 1;
    this.inFlight += 1;
    this.shares.set(workspaceId, share);
  }

  release(workspaceId: string, durationMs: number | null): void {
    const share = this.shares.get(workspaceId);
    if (share === undefined) throw new Error(`No doubtful place of workspace ${workspaceId} was taken`);
    share.inFlight -= 1;
    this.inFlight -= 1;
    share.movedAtMs = this.clock();
    if (durationMs !== null) share.meanDurationMs += WEIGHT * (durationMs - share.meanDurationMs);
    if (share.inFlight === 0) this.shares.delete(workspaceId);
  }

  /**
   * When to come again, in milliseconds: each has a time of its own, spread by how long the attempts take, or have taken
   * already.
   */
  promise(workspaceId: string): number {
    const share = this.shares.get(workspaceId);
    if (share === undefined) return FIRST_GUESS_MS;
    const nowMs = this.clock();
    const eachMs = Math.max(share.meanDurationMs, nowMs - share.movedAtMs) / limitAmong(this.shares.size);
    share.promisedUntilMs = Math.min(Math.max(share.promisedUntilMs, nowMs) + eachMs, nowMs + LONGEST_WAIT_MS);
    return share.promisedUntilMs - nowMs;
  }
}

function limitAmong(workspaces: number): number {
  return Math.max(LEAST_PER_WORKSPACE, Math.floor(PLACES / workspaces));
}
