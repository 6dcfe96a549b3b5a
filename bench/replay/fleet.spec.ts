import { findPrice } from '@houston/common/prices/catalogue.js';
import { fleetRuns } from './fleet.js';

const plan = { runs: 500, spanMs: 60_000, startsAt: new Date('2026-11-20T10:00:00Z'), seed: 7 };

describe('generated fleet', () => {
  it('is the same for the same seed and another for another', () => {
    expect([...fleetRuns(plan)]).toEqual([...fleetRuns(plan)]);
    expect([...fleetRuns({ ...plan, seed: 8 })]).not.toEqual([...fleetRuns(plan)]);
  });

  it('works in order of time, within its span, with several agents and models that have a price', () => {
    const runs = [...fleetRuns(plan)];
    expect(runs).toHaveLength(500);
    const times = runs.map((run) => run.at.getTime() - plan.startsAt.getTime());
    expect(times).toEqual(times.toSorted((a, b) => a - b));
    expect(times.at(-1)).toBeLessThanOrEqual(plan.spanMs);
    expect(new Set(runs.map((run) => run.agent)).size).toBeGreaterThan(4);
    for (const model of new Set(runs.map((run) => run.model ?? '')))
      expect(findPrice({ model, at: plan.startsAt }).found).toBe(true);
    for (const run of runs) expect(run.inputTokens > 0 && run.outputTokens > 0).toBe(true);
  });
});
