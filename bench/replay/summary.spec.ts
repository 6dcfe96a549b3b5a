import fc from 'fast-check';
import { BudgetBooks } from './houston-client.js';
import { ProgressBar } from './progress-bar.js';
import { ReplayTally } from './run-replay.js';
import { isClean, percentile, ReplayBooks, replayLines, summarise, toTable } from './summary.js';

const tally: ReplayTally = {
  sent: 3,
  admitted: 2,
  denied: 1,
  failed: 0,
  firstFailure: null,
  completed: 2,
  costNano: 900n,
  overageNano: 0n,
  admitMs: [3, 1, 2],
  completeMs: [],
  budgetIds: new Set(['own']),
  maxLagMs: 0,
  elapsedMs: 1_500,
};
const before: BudgetBooks = {
  id: 'own',
  name: 'Replay',
  enforcing: true,
  limitNano: 1000n,
  spentNano: 0n,
  heldNano: 0n,
  windowStart: 'today',
};
const after = { ...before, spentNano: 900n };
const books: ReplayBooks = { tally, retries: 0, thresholdAlerts: 3, own: { before, after }, others: [] };

describe('summary', () => {
  it('is clean when the books balance and nothing is overspent', () => {
    const summary = summarise(books);
    expect(summary).toMatchObject({
      runs: 3,
      admitted: 2,
      denied: 1,
      costUsd: '0.0000009',
      runsPerSecond: 2,
      thresholdAlerts: 3,
    });
    expect(summary.admit).toEqual({ p50Ms: 2, p99Ms: 3 });
    expect(summary.complete).toEqual({ p50Ms: null, p99Ms: null });
    expect(summary.overspend).toEqual({ byBudgetUsd: '0', byClientUsd: '0', booksAgree: true, heldUsd: '0' });
    expect(isClean(summary)).toBe(true);
    expect(toTable(replayLines(summary))).toContain('books             balance to the nano-dollar');
  });

  it("finds an overspend in the budget's figures", () => {
    const summary = summarise({ ...books, own: { before, after: { ...after, spentNano: 1001n } } });
    expect(summary.overspend).toMatchObject({ byBudgetUsd: '0.000000001', byClientUsd: '0', booksAgree: false });
    expect(isClean(summary)).toBe(false);
  });

  it('finds an overspend in what the client saw, although the budget claims to be within its limit', () => {
    const summary = summarise({ ...books, tally: { ...tally, costNano: 1001n } });
    expect(summary.overspend).toMatchObject({ byBudgetUsd: '0', byClientUsd: '0.000000001', booksAgree: false });
    expect(isClean(summary)).toBe(false);
    expect(toTable(replayLines(summary))).toContain('DO NOT BALANCE');
  });

  it('finds an overspend in any other enforcing budget, but expects none of an observing one', () => {
    const other = { ...before, id: 'other', spentNano: 1200n };
    expect(isClean(summarise({ ...books, own: null, others: [other] }))).toBe(false);
    expect(isClean(summarise({ ...books, own: null, others: [{ ...other, enforcing: false }] }))).toBe(true);
  });

  it('compares nothing across midnight', () => {
    const summary = summarise({
      ...books,
      own: { before, after: { ...after, spentNano: 4n, windowStart: 'tomorrow' } },
    });
    expect(summary.overspend).toMatchObject({ byClientUsd: null, booksAgree: null });
  });

  it('is not clean when a run failed, and says why', () => {
    const summary = summarise({ ...books, tally: { ...tally, failed: 1, firstFailure: 'It broke.' } });
    expect(isClean(summary)).toBe(false);
    expect(toTable(replayLines(summary))).toMatch(/failed +1: It broke\./);
  });

  it('takes percentiles from the samples themselves', () => {
    expect(percentile([], 50)).toBeNull();
    expect(percentile([5], 99)).toBe(5);
    expect(
      percentile(
        Array.from({ length: 100 }, (_, n) => 100 - n),
        99,
      ),
    ).toBe(99);
    fc.assert(
      fc.property(fc.array(fc.nat(), { minLength: 1 }), fc.integer({ min: 0, max: 100 }), (samples, percent) => {
        const value = percentile(samples, percent);
        expect(samples).toContain(value);
        expect(samples.filter((sample) => sample <= (value ?? -1)).length).toBeGreaterThanOrEqual(
          (percent / 100) * samples.length,
        );
      }),
    );
  });
});

describe('progress bar', () => {
  const written = (isTTY: boolean) => {
    const lines: string[] = [];
    let nowMs = 0;
    const bar = new ProgressBar({ isTTY, columns: 60, write: (text) => lines.push(text) }, () => nowMs);
    for (nowMs = 0; nowMs < 1000; nowMs += 10) bar.show(nowMs / 1000, tally);
    return lines;
  };

  it('draws on a terminal, ten times a second at most, never wider than the terminal', () => {
    const lines = written(true);
    expect(lines).toHaveLength(10);
    expect(lines[5]).toContain('[############............]  50%');
    for (const line of lines) expect(line.length).toBeLessThan(60 + '\r\x1b[K'.length);
  });

  it('writes nothing to a file', () => expect(written(false)).toEqual([]));
});
