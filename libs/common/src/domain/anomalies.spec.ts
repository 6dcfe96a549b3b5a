import fc from 'fast-check';
import {
  type AgentConduct,
  ANOMALY_RANGES,
  type AnomalySettings,
  type BaselineBucket,
  findAnomalies,
  LEAST_BASELINE,
} from './anomalies.js';

const USD = 1_000_000_000n;
const SETTINGS: AnomalySettings = {
  mode: 'freeze',
  spendFactor: ANOMALY_RANGES.spendFactor.default,
  repeatedCalls: ANOMALY_RANGES.repeatedCalls.default,
  denials: ANOMALY_RANGES.denials.default,
  freezeMinutes: 60,
};
/** A habit of 2 USD and 20 calls. */
const HABIT: BaselineBucket[] = Array.from({ length: 20 }, () => ({ spentNano: 2n * USD, calls: 20 }));
const QUIET: AgentConduct = { spentNano: 0n, calls: 0, repeatedCalls: 0, denials: 0, baseline: HABIT };

const kinds = (conduct: Partial<AgentConduct>, settings = SETTINGS) =>
  findAnomalies({ ...QUIET, ...conduct }, settings).map(({ kind }) => kind);

const buckets = (least: number) =>
  fc.array(
    fc.record({ spentNano: fc.bigInt({ min: 0n, max: 1_000n * USD }), calls: fc.integer({ min: 1, max: 10_000 }) }),
    { minLength: least, maxLength: 100 },
  );
const conducts = fc.record({
  spentNano: fc.bigInt({ min: 0n, max: 10_000n * USD }),
  calls: fc.integer({ min: 0, max: 100_000 }),
  repeatedCalls: fc.integer({ min: 0, max: 100_000 }),
  denials: fc.integer({ min: 0, max: 100_000 }),
});

describe('an agent unlike itself', () => {
  it('spends more than three times what it spends when it is busy', () => {
    expect(kinds({ spentNano: 6n * USD })).toEqual([]);
    expect(kinds({ spentNano: 6n * USD + 1n })).toEqual(['spend_velocity']);
    expect(kinds({ spentNano: 5n * USD }, { ...SETTINGS, spendFactor: 2.4 })).toEqual(['spend_velocity']);
  });

  it('is measured by its busy times, not by the one time it ran away, nor by small change', () => {
    const once = [...HABIT, { spentNano: 500n * USD, calls: 5_000 }];
    expect(kinds({ spentNano: 7n * USD, baseline: once })).toEqual(['spend_velocity']);
    const cheap = HABIT.map(() => ({ spentNano: 1_000n, calls: 20 }));
    expect(kinds({ spentNano: USD - 1n, baseline: cheap })).toEqual([]);
    expect(kinds({ spentNano: USD, baseline: cheap })).toEqual(['spend_velocity']);
  });

  it('repeats one call, more often than it calls at all when it is busy', () => {
    expect(kinds({ calls: 100, repeatedCalls: 100 })).toEqual(['repeated_calls']);
    expect(kinds({ calls: 500, repeatedCalls: 99 })).toEqual([]);
    const diligent = HABIT.map((bucket) => ({ ...bucket, calls: 400 }));
    expect(kinds({ calls: 400, repeatedCalls: 400, baseline: diligent })).toEqual([]);
  });

  it('asks again and again for what it is refused', () => {
    expect(kinds({ denials: 50, calls: 12 })).toEqual(['denial_storm']);
    expect(kinds({ denials: 49, calls: 0 })).toEqual([]);
    expect(kinds({ denials: 50, calls: 50 })).toEqual([]);
  });

  it('is nobody who has no habits yet, whatever they do', () => {
    fc.assert(
      fc.property(conducts, buckets(0), (conduct, baseline) => {
        const young = baseline.slice(0, LEAST_BASELINE - 1);
        expect(findAnomalies({ ...conduct, baseline: young }, SETTINGS)).toEqual([]);
      }),
    );
  });

  it('is nobody who does what they did in each quarter of an hour before', () => {
    fc.assert(
      fc.property(buckets(LEAST_BASELINE), (baseline) => {
        // The least busy half of what was seen before is like the agent by any measure.
        const sorted = [...baseline].sort((a, b) => a.calls - b.calls);
        const usual = sorted[Math.floor(sorted.length / 2)]!;
        const spent = [...baseline].map(({ spentNano }) => spentNano).sort((a, b) => (a < b ? -1 : 1));
        const spentNano = spent[Math.floor(spent.length / 2)]!;
        const conduct = { spentNano, calls: usual.calls, repeatedCalls: usual.calls, denials: 0, baseline };
        expect(findAnomalies(conduct, SETTINGS)).toEqual([]);
      }),
    );
  });

  it('stays one when it does still more of it', () => {
    fc.assert(
      fc.property(conducts, buckets(LEAST_BASELINE), fc.integer({ min: 0, max: 1_000 }), (conduct, baseline, more) => {
        const before = kinds({ ...conduct, baseline });
        const worse = kinds({
          ...{ ...conduct, baseline, spentNano: conduct.spentNano + BigInt(more) },
          ...{ repeatedCalls: conduct.repeatedCalls + more, denials: conduct.denials + more },
        });
        expect(worse).toEqual(expect.arrayContaining(before));
      }),
    );
  });
});
