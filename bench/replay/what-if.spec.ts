import fc from 'fast-check';
import { parseProposal, Period, PERIODS, windowStartMs } from './budget-proposal.js';
import { declaredOutput, PricedRun, priceRun, WhatIf } from './what-if.js';

const start = new Date('2026-11-18T12:00:00Z').getTime();
const run = (seconds: number, holdNano: bigint, costNano: bigint, durationMs = 1_000): PricedRun => ({
  at: new Date(start + seconds * 1000),
  durationMs,
  holdNano,
  costNano,
});

const runs: fc.Arbitrary<PricedRun[]> = fc
  .array(
    fc.tuple(
      fc.nat({ max: 20 * 86_400 }),
      fc.bigInt({ min: 0n, max: 100n }),
      fc.bigInt({ min: 0n, max: 100n }),
      fc.nat({ max: 200_000_000 }),
    ),
    { maxLength: 60 },
  )
  .map((tuples) =>
    tuples
      .map(([seconds, a, b, durationMs]) => run(seconds, a > b ? a : b, a > b ? b : a, durationMs))
      .sort((a, b) => a.at.getTime() - b.at.getTime()),
  );

describe('what-if', () => {
  it('admits while spent and held leave room, denies beyond, and says what that saved', () => {
    const whatIf = new WhatIf({ limitNano: 100n, period: 'day' });
    expect([
      whatIf.offer(run(0, 60n, 30n, 10_000)),
      whatIf.offer(run(1, 60n, 25n)),
      whatIf.offer(run(20, 60n, 50n)),
    ]).toEqual(['admitted', 'denied', 'admitted']);
    expect(whatIf.result()).toEqual({
      runs: 3,
      admitted: 2,
      denied: 1,
      unboundedNano: 105n,
      costNano: 80n,
      savedNano: 25n,
      overspendNano: 0n,
      windows: 1,
      windowsWithDenials: 1,
      firstDenialAt: new Date(start + 1000),
    });
  });

  it('admits to the last nano and not one further', () => {
    const whatIf = new WhatIf({ limitNano: 100n, period: 'total' });
    expect([whatIf.offer(run(0, 99n, 99n)), whatIf.offer(run(5, 2n, 1n)), whatIf.offer(run(6, 1n, 1n))]).toEqual([
      'admitted',
      'denied',
      'admitted',
    ]);
  });

  it('starts afresh in the next window, while a run of the old one settles in the old one', () => {
    const whatIf = new WhatIf({ limitNano: 100n, period: 'day' });
    const elevenHours59 = 11 * 3600 + 59 * 60;
    expect(whatIf.offer(run(elevenHours59, 100n, 90n, 3_600_000))).toBe('admitted');
    expect(whatIf.offer(run(12 * 3600 + 1, 100n, 90n))).toBe('admitted');
    expect(whatIf.result()).toMatchObject({ windows: 2, windowsWithDenials: 0, costNano: 180n, overspendNano: 0n });
  });

  it('shows the overspend of a run that costs more than it held', () => {
    const whatIf = new WhatIf({ limitNano: 100n, period: 'day' });
    whatIf.offer(run(0, 100n, 130n));
    expect(whatIf.result().overspendNano).toBe(30n);
  });

  it('never overspends when no run costs more than its hold, and its figures add up', () => {
    fc.assert(
      fc.property(
        runs,
        fc.bigInt({ min: 0n, max: 500n }),
        fc.constantFrom(...PERIODS),
        (offered, limitNano, period) => {
          const whatIf = new WhatIf({ limitNano, period });
          const denied = offered.filter((each) => whatIf.offer(each) === 'denied');
          const result = whatIf.result();
          expect(result.overspendNano).toBe(0n);
          expect(result.denied).toBe(denied.length);
          expect(result.admitted + result.denied).toBe(offered.length);
          expect(result.savedNano).toBe(denied.reduce((sum, each) => sum + each.costNano, 0n));
          expect(result.unboundedNano).toBe(offered.reduce((sum, each) => sum + each.costNano, 0n));
        },
      ),
    );
  });

  it('denies nothing when the limit holds everything at once', () => {
    fc.assert(
      fc.property(runs, (offered) => {
        const whatIf = new WhatIf({ limitNano: offered.reduce((sum, each) => sum + each.holdNano, 0n), period: 'day' });
        for (const each of offered) expect(whatIf.offer(each)).toBe('admitted');
      }),
    );
  });

  it('prices a run by its tokens and holds what the agent declares', () => {
    const row = { at: new Date(start), model: null, agent: null, inputTokens: 1000, outputTokens: 100 };
    const sheet = { inputNanoPerMTok: 1_000_000n, outputNanoPerMTok: 2_000_000n };
    expect(priceRun(row, sheet, 500)).toEqual({ at: row.at, durationMs: 2_500, holdNano: 2000n, costNano: 1200n });
    expect(declaredOutput({ outputTokens: 700 }, 500)).toBe(700);
  });
});

describe('budget proposal', () => {
  it('reads a limit and a period', () => {
    expect(parseProposal('5/day')).toEqual({ ok: true, proposal: { limitNano: 5_000_000_000n, period: 'day' } });
    expect(parseProposal('$0.25/WEEK')).toEqual({ ok: true, proposal: { limitNano: 250_000_000n, period: 'week' } });
    expect(parseProposal('12.5')).toEqual({ ok: true, proposal: { limitNano: 12_500_000_000n, period: 'total' } });
  });

  it.each(['', '/day', '5/hour', '5/day/day', '-5/day', 'five/day', '1e3/day'])(
    'refuses "%s" with a sentence',
    (text) => {
      expect(parseProposal(text)).toEqual({ ok: false, problem: expect.stringMatching(/\.$/) });
    },
  );

  it.each<[Period, string]>([
    ['day', '2026-11-18T00:00:00Z'],
    ['week', '2026-11-16T00:00:00Z'],
    ['month', '2026-11-01T00:00:00Z'],
    ['total', '1970-01-01T00:00:00Z'],
  ])('starts the window of a %s at %s', (period, expected) => {
    expect(new Date(windowStartMs(period, new Date(start)))).toEqual(new Date(expected));
  });

  it('starts a week on Monday, also for a Sunday and for a Monday', () => {
    expect(windowStartMs('week', new Date('2026-11-22T23:59:59Z'))).toBe(Date.UTC(2026, 10, 16));
    expect(windowStartMs('week', new Date('2026-11-23T00:00:00Z'))).toBe(Date.UTC(2026, 10, 23));
  });
});
