/**
 * Group commit: requests that arrive while a batch is in flight wait, and then go together.
 *
 * A request never joins the batch in flight, so whatever its batch reads or writes happens after the request arrived:
 * a caller sees the effect of everything acknowledged before it asked. With nothing in flight a request leaves at once,
 * so an idle system adds no delay and a busy one shares the cost of a transaction between as many as are waiting.
 *
 * What can go wrong
 *   - A batch fails: it was one transaction, none of its requests happened. Where one request's own values are to blame
 *     (`isIsolated`), each is tried alone, so that it cannot fail its neighbours; otherwise all fail with the error.
 *   - More wait than `maxBacklog`: `commit` throws BacklogFull at once, so that memory and latency stay bounded.
 *   - Two requests with the same `conflictKey`: they go in different batches, in order of arrival.
 */
export interface Committer<Request, Result> {
  /** Resolves once the request's batch has been committed. */
  commit(request: Request): Promise<Result>;
  /** Requests that no commit has taken up yet. */
  readonly waiting: number;
  /** Refuses new requests and resolves when all waiting ones are done. */
  close(): Promise<void>;
}

export class BacklogFull extends Error {
  constructor(readonly waiting: number) {
    super(`${waiting} requests are waiting already`);
  }
}

/** The process is stopping; another one, or this one after its restart, will take the request. */
export class CommitterClosed extends Error {
  constructor() {
    super('The committer is closed');
  }
}

export interface GroupCommitOptions<Request, Result> {
  /** Runs one batch in one transaction; answers in the order of the requests. */
  run: (requests: Request[]) => Promise<Result[]>;
  /** Requests in a batch, at the most. */
  maxBatch: number;
  /** Requests waiting, at the most. */
  maxBacklog: number;
  /** Requests with the same key never share a batch. Null: no restriction. */
  conflictKey?: (request: Request) => string | null;
  /** Whether an error can come from one request's values (as opposed to a lost connection). Default: never. */
  isIsolated?: (error: unknown) => boolean;
  /** Told of each batch as it leaves: its size, and how long the first of it had waited. */
  onBatch?: (size: number, waitedMs: number) => void;
}

interface Waiting<Request, Result> {
  request: Request;
  /** Of performance.now(). */
  sinceMs: number;
  resolve: (result: Result) => void;
  reject: (error: unknown) => void;
}

export class BatchedCommitter<Request, Result> implements Committer<Request, Result> {
  private queue: Waiting<Request, Result>[] = [];
  private inFlight: Promise<void> | null = null;
  private closed = false;

  constructor(private readonly options: GroupCommitOptions<Request, Result>) {}

  commit(request: Request): Promise<Result> {
    if (this.closed) return Promise.reject(new CommitterClosed());
    if (this.queue.length >= this.options.maxBacklog) return Promise.reject(new BacklogFull(this.queue.length));
    return new Promise((resolve, reject) => {
      this.queue.push({ request, sinceMs: performance.now(), resolve, reject });
      // Requests of one turn of the event loop arrive together; setImmediate lets all of them in before the first leaves.
      this.inFlight ??= new Promise((done) => setImmediate(() => void this.drain().finally(done)));
    });
  }

  get waiting(): number {
    return this.queue.length;
  }

  async close(): Promise<void> {
    this.closed = true;
    await this.inFlight;
  }

  private async drain(): Promise<void> {
    while (this.queue.length > 0) {
      const batch = this.take();
      this.options.onBatch?.(batch.length, performance.now() - batch[0]!.sinceMs);
      await this.settle(batch);
    }
    this.inFlight = null;
  }

  private async settle(batch: Waiting<Request, Result>[]): Promise<void> {
    try {
      const results = await this.options.run(batch.map((waiting) => waiting.request));
      batch.forEach((waiting, index) => waiting.resolve(results[index] as Result));
    } catch (error) {
      if (batch.length > 1 && this.options.isIsolated?.(error)) {
        for (const waiting of batch) await this.settle([waiting]);
      } else {
        batch.forEach((waiting) => waiting.reject(error));
      }
    }
  }

  private take(): Waiting<Request, Result>[] {
    const { maxBatch, conflictKey } = this.options;
    if (!conflictKey) return this.queue.splice(0, maxBatch);
    const keys = new Set<string>();
    const batch: Waiting<Request, Result>[] = [];
    const left: Waiting<Request, Result>[] = [];
    for (const waiting of this.queue) {
      const key = conflictKey(waiting.request);
      if (batch.length < maxBatch && (key === null || !keys.has(key))) {
        batch.push(waiting);
        if (key !== null) keys.add(key);
      } else {
        left.push(waiting);
      }
    }
    this.queue = left;
    return batch;
  }
}

/** One transaction per request; the same interface, for comparison and for a database that others share. */
export class InlineCommitter<Request, Result> implements Committer<Request, Result> {
  private readonly running = new Set<Promise<unknown>>();
  private closed = false;

  constructor(private readonly options: Pick<GroupCommitOptions<Request, Result>, 'run' | 'maxBacklog'>) {}

  commit(request: Request): Promise<Result> {
    if (this.closed) return Promise.reject(new CommitterClosed());
    if (this.running.size >= this.options.maxBacklog) return Promise.reject(new BacklogFull(this.running.size));
    const running = this.options.run([request]).then((results) => results[0] as Result);
    this.running.add(running);
    const forget = () => this.running.delete(running);
    running.then(forget, forget);
    return running;
  }

  get waiting(): number {
    return 0;
  }

  async close(): Promise<void> {
    this.closed = true;
    await Promise.allSettled(this.running);
  }
}
