const FIRST_MS = 250;
const LONGEST_MS = 30_000;

/** Waits that double up to half a minute, each anywhere in its upper half, so that a fleet does not come back in step. */
export class Backoff {
  private failures = 0;

  reset(): void {
    this.failures = 0;
  }

  /** @param askedMs what the other side asked for; never less than that */
  nextMs(askedMs: number | null = null): number {
    const full = Math.min(FIRST_MS * 2 ** this.failures, LONGEST_MS);
    this.failures = Math.min(this.failures + 1, 16);
    return Math.max(full * (0.5 + Math.random() / 2), Math.min(askedMs ?? 0, LONGEST_MS));
  }
}
