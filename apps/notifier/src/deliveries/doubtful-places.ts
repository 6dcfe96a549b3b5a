/** Places of a worker that attempts to doubtful endpoints may take together; the rest is for those that answer. */
const PLACES = 30;
const LEAST_PER_WORKSPACE = 2;
const FIRST_GUESS_MS = 1_000;
const LONGEST_WAIT_MS = 60_000;

interface Share {
  inFlight: number;
  lastDurationMs: number;
  /** Until when the places are promised to those that were sent away, in milliseconds of the clock. */
  promisedUntilMs: number;
}

/**
 * Shares the places that endpoints of unknown or bad health may keep waiting among the workspaces that have such, so that
 * thousands of dead endpoints of one workspace leave room for the attempts of the others.
 */
export class DoubtfulPlaces {
  private readonly shares = new Map<string, Share>();

  constructor(private readonly clock: () => number = Date.now) {}

  hasRoom(workspaceId: string): boolean {
    const share = this.shares.get(workspaceId);
    const others = this.shares.size - (share === undefined ? 0 : 1);
    return (share?.inFlight ?? 0) < limitAmong(others + 1);
  }

  take(workspaceId: string): void {
    const share = this.shares.get(workspaceId) ?? { inFlight: 0, lastDurationMs: FIRST_GUESS_MS, promisedUntilMs: 0 };
    share.inFlight += 1;
    this.shares.set(workspaceId, share);
  }

  release(workspaceId: string, durationMs: number | null): void {
    const share = this.shares.get(workspaceId);
    if (share === undefined) throw new Error(`No doubtful place of workspace ${workspaceId} was taken`);
    share.inFlight -= 1;
    if (durationMs !== null) share.lastDurationMs = durationMs;
    if (share.inFlight === 0) this.shares.delete(workspaceId);
  }

  /** When to come again, in milliseconds: those times are spread by how long its attempts took last. */
  promise(workspaceId: string): number {
    const share = this.shares.get(workspaceId);
    if (share === undefined) return 0;
    const nowMs = this.clock();
    const eachMs = share.lastDurationMs / limitAmong(this.shares.size);
    share.promisedUntilMs = Math.min(Math.max(share.promisedUntilMs, nowMs) + eachMs, nowMs + LONGEST_WAIT_MS);
    return share.promisedUntilMs - nowMs;
  }
}

function limitAmong(workspaces: number): number {
  return Math.max(LEAST_PER_WORKSPACE, Math.floor(PLACES / workspaces));
}
