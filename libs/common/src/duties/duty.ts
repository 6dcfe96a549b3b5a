/** What one run did, by name; all zero when there was nothing to do. */
export type Counts = Readonly<Record<string, number>>;

/**
 * One background duty of a process. It owns nothing but its bounded batch: several processes may run the same duty at
 * once, so `runOnce` excludes the others by row locks or an advisory lock of its own transaction.
 */
export abstract class Duty {
  /** A short name, for logs and health. */
  abstract readonly name: string;
  /** Wait after a run that did something; it doubles with every idle run up to `idleMs`. Both get +-10 % of jitter. */
  abstract readonly interval: { readonly busyMs: number; readonly idleMs: number };
  /** When one of a run's counts reaches this, the batch was full and the next run follows at once. */
  readonly batchSize: number = Number.POSITIVE_INFINITY;
  /** Runs so often that its work is told at level debug. */
  readonly isFrequent: boolean = false;

  /** Does one bounded batch. @throws what went wrong; the runner logs it and tries again later */
  abstract runOnce(): Promise<Counts>;
}
