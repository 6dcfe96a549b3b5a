import { setMaxListeners } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { NanoUsd } from '@houston/common/domain/money.js';
import { Admission, HoustonClient } from './houston-client.js';
import { TraceRow } from './read-trace.js';
import { ReplayFault } from './replay-fault.js';
import { declaredOutput, guessDurationMs } from './what-if.js';

export interface ReplayPlan {
  rows: AsyncIterable<TraceRow>;
  /** For rows that name no model. */
  model: string;
  /** Rows that name no agent are spread over this many. */
  agents: number;
  /** Trace seconds per second; null: as fast as Houston answers. */
  speed: number | null;
  /** Conversations with Houston at a time. */
  concurrency: number;
  /** What agents declare as their largest answer, in tokens. */
  maxOutputTokens: number;
  /** On every run, so that a budget can cover just this replay. */
  tags: Record<string, string>;
  /** Stops sending; what is running is still completed. */
  signal: AbortSignal;
  onProgress: (tally: ReplayTally) => void;
}

/** What the client saw. */
export interface ReplayTally {
  sent: number;
  admitted: number;
  denied: number;
  failed: number;
  /** The first failure in words. */
  firstFailure: string | null;
  completed: number;
  costNano: NanoUsd;
  overageNano: NanoUsd;
  admitMs: number[];
  completeMs: number[];
  budgetIds: Set<string>;
  /** How far the sending fell behind the trace, at worst. */
  maxLagMs: number;
  elapsedMs: number;
}

// Admitted runs that wait for their end; a trace faster than this machine must not fill the memory.
const MAX_RUNNING = 10_000;
const MAX_FAILURES = 100;

/**
 * Sends a trace through Houston as its agents would: each run is admitted, then completed with its real usage.
 * With a speed, runs begin and last as in the trace, scaled; without, everything happens at once.
 * Single failures are counted. @throws ReplayFault when nothing works: no server, a wrong key, 100 failures. A fault in
 * the trace is thrown too. Whatever is thrown, admitted runs have been completed first.
 */
export async function runReplay(client: HoustonClient, plan: ReplayPlan): Promise<ReplayTally> {
  const replay = new Replay(client, plan);
  return replay.run();
}

class Replay {
  private readonly tally: ReplayTally = emptyTally();
  private readonly running = new Set<Promise<void>>();
  private readonly startedMs = performance.now();
  private readonly gaveUp = new AbortController();
  private readonly stop: AbortSignal;
  private firstRowMs: number | undefined;

  constructor(
    private readonly client: HoustonClient,
    private readonly plan: ReplayPlan,
  ) {
    this.stop = AbortSignal.any([plan.signal, this.gaveUp.signal]);
    // Every waiting run listens for the stop, at most MAX_RUNNING and the senders.
    setMaxListeners(MAX_RUNNING + plan.concurrency, this.stop);
  }

  async run(): Promise<ReplayTally> {
    const rows = this.plan.rows[Symbol.asyncIterator]();
    try {
      await Promise.all(Array.from({ length: this.plan.concurrency }, () => this.sendRows(rows)));
      await Promise.all(this.running);
    } finally {
      await rows.return?.();
    }
    if (this.gaveUp.signal.aborted) throw this.gaveUp.signal.reason;
    this.tally.elapsedMs = performance.now() - this.startedMs;
    return this.tally;
  }

  private async sendRows(rows: AsyncIterator<TraceRow>): Promise<void> {
    while (!this.stop.aborted) {
      const row = await this.nextRow(rows);
      if (row === null || !(await this.waitUntilDue(row))) return;
      const number = this.tally.sent;
      this.tally.sent += 1;
      await this.guarded(() => this.sendRow(row, number));
      this.plan.onProgress(this.tally);
    }
  }

  /** A fault in the file ends the replay, but what was admitted until then is still completed. */
  private async nextRow(rows: AsyncIterator<TraceRow>): Promise<TraceRow | null> {
    try {
      const next = await rows.next();
      return next.done === true ? null : next.value;
    } catch (error) {
      this.gaveUp.abort(error);
      return null;
    }
  }

  private async sendRow(row: TraceRow, number: number): Promise<void> {
    const { plan, tally } = this;
    const beganMs = performance.now();
    const admission = await this.client.admit({
      agent: row.agent ?? `agent-${(number % plan.agents) + 1}`,
      model: row.model ?? plan.model,
      estimate: { inputTokens: row.inputTokens, maxOutputTokens: declaredOutput(row, plan.maxOutputTokens) },
      tags: plan.tags,
    });
    tally.admitMs.push(performance.now() - beganMs);
    if (admission.kind === 'denied') {
      tally.denied += 1;
      return;
    }
    tally.admitted += 1;
    for (const id of admission.budgetIds) tally.budgetIds.add(id);
    if (plan.speed === null) await this.complete(admission, row);
    else await this.completeLater(admission, row, plan.speed);
  }

  /** Frees the sender at once: a run that lasts a minute must not keep the next from beginning. */
  private async completeLater(
    admission: Admission & { kind: 'admitted' },
    row: TraceRow,
    speed: number,
  ): Promise<void> {
    const ending = this.guarded(async () => {
      // Being told to stop is a reason to settle now, not to leave a hold behind.
      await pause(guessDurationMs(row) / speed, this.stop);
      await this.complete(admission, row);
    }).finally(() => this.running.delete(ending));
    this.running.add(ending);
    if (this.running.size >= MAX_RUNNING) await Promise.race(this.running);
  }

  private async complete(admission: Admission & { kind: 'admitted' }, row: TraceRow): Promise<void> {
    const beganMs = performance.now();
    const usage = { inputTokens: row.inputTokens, outputTokens: row.outputTokens };
    const { costNano, overageNano } = await this.client.complete(admission.id, usage, guessDurationMs(row));
    this.tally.completeMs.push(performance.now() - beganMs);
    this.tally.completed += 1;
    this.tally.costNano += costNano;
    this.tally.overageNano += overageNano;
  }

  private async guarded(act: () => Promise<void>): Promise<void> {
    try {
      await act();
    } catch (error) {
      if (!(error instanceof ReplayFault)) throw error;
      this.tally.failed += 1;
      this.tally.firstFailure ??= error.message;
      if (this.tally.failed === MAX_FAILURES || this.tally.admitted + this.tally.denied === 0) this.gaveUp.abort(error);
    }
  }

  /** False when the replay was stopped meanwhile. */
  private async waitUntilDue(row: TraceRow): Promise<boolean> {
    const { speed } = this.plan;
    if (speed === null) return !this.stop.aborted;
    this.firstRowMs ??= row.at.getTime();
    const dueMs = this.startedMs + (row.at.getTime() - this.firstRowMs) / speed;
    const aheadMs = dueMs - performance.now();
    if (aheadMs > 0) await pause(aheadMs, this.stop);
    else this.tally.maxLagMs = Math.max(this.tally.maxLagMs, -aheadMs);
    return !this.stop.aborted;
  }
}

/** Ends early when the signal says so. */
async function pause(ms: number, signal: AbortSignal): Promise<void> {
  try {
    await sleep(ms, undefined, { signal });
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

function emptyTally(): ReplayTally {
  return {
    sent: 0,
    admitted: 0,
    denied: 0,
    failed: 0,
    firstFailure: null,
    completed: 0,
    costNano: 0n,
    overageNano: 0n,
    admitMs: [],
    completeMs: [],
    budgetIds: new Set(),
    maxLagMs: 0,
    elapsedMs: 0,
  };
}
