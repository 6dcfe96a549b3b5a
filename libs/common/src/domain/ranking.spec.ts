import fc from 'fast-check';
import { rank, RANKING_STRATEGIES, type Candidate } from './ranking.js';

const anyCandidate: fc.Arbitrary<Candidate> = fc
  .record({
    id: fc.uuid(),
    level: fc.constantFrom('intern' as const, 'specialist' as const, 'lead' as const),
    load: fc.integer({ min: 0, max: 20 }),
    maxConcurrent: fc.integer({ min: 1, max: 20 }),
    attempts: fc.integer({ min: 0, max: 500 }),
    share: fc.double({ min: 0, max: 1, noNaN: true }),
    medianSeconds: fc.option(fc.double({ min: 0, max: 10_000, noNaN: true })),
    costUsd: fc.option(fc.double({ min: 0, max: 100, noNaN: true })),
    surplus: fc.integer({ min: 0, max: 12 }),
  })
  .map(({ share, ...rest }) => ({ ...rest, name: rest.id, successes: Math.floor(rest.attempts * share) }));
const candidates = fc.uniqueArray(anyCandidate, { minLength: 1, maxLength: 12, selector: (one) => one.id });
const strategy = fc.constantFrom(...RANKING_STRATEGIES);

const place = (list: readonly Candidate[], id: string, by: (typeof RANKING_STRATEGIES)[number]) =>
  rank(list, by).findIndex((ranked) => ranked.candidate.id === id);

/** One way in which an agent can only become a better choice. */
const improvements: ((candidate: Candidate) => Candidate)[] = [
  (one) => ({ ...one, load: Math.max(0, one.load - 1) }),
  (one) => ({ ...one, maxConcurrent: one.maxConcurrent + 1 }),
  (one) => ({ ...one, attempts: one.attempts + 1, successes: one.successes + 1 }),
  (one) => ({ ...one, medianSeconds: one.medianSeconds === null ? null : one.medianSeconds / 2 }),
  (one) => ({ ...one, costUsd: one.costUsd === null ? null : one.costUsd / 2 }),
  (one) => ({ ...one, surplus: one.surplus + 1 }),
  (one) => ({ ...one, level: 'lead' }),
];

describe('ranking', () => {
  it('is deterministic: the order in which agents are asked about does not matter', () => {
    fc.assert(
      fc.property(candidates, strategy, (list, by) => {
        expect(rank([...list].reverse(), by)).toEqual(rank(list, by));
      }),
    );
  });

  it('is monotone: an agent that improves never falls behind', () => {
    fc.assert(
      fc.property(candidates, strategy, fc.constantFrom(...improvements), (list, by, improve) => {
        const [first] = list;
        const better = [improve(first!), ...list.slice(1)];
        expect(place(better, first!.id, by)).toBeLessThanOrEqual(place(list, first!.id, by));
      }),
    );
  });

  it('explains every score by its terms', () => {
    fc.assert(
      fc.property(candidates, strategy, (list, by) => {
        for (const { score, terms } of rank(list, by)) {
          const sum = Object.values(terms).reduce((total, { value, weight }) => total + value * weight, 0);
          expect(score).toBeCloseTo(sum, 4);
          expect(score).toBeGreaterThanOrEqual(0);
          expect(score).toBeLessThanOrEqual(1);
          expect(Object.values(terms).reduce((total, { weight }) => total + weight, 0)).toBeCloseTo(1);
        }
      }),
    );
  });

  it('prefers by each strategy what its name says', () => {
    const one: Candidate = {
      id: 'a',
      name: 'a',
      level: 'specialist',
      load: 0,
      maxConcurrent: 4,
      attempts: 20,
      successes: 15,
      medianSeconds: 60,
      costUsd: 0.05,
      surplus: 0,
    };
    const others: Record<string, Candidate> = {
      fastest: { ...one, id: 'b', medianSeconds: 5 },
      cheapest: { ...one, id: 'c', costUsd: 0.001 },
      best: { ...one, id: 'd', successes: 20, level: 'lead' },
      least_loaded: { ...one, id: 'e', load: 0 },
    };
    const busy = { ...one, load: 2 };
    for (const by of ['fastest', 'cheapest', 'best', 'least_loaded'] as const) {
      expect(rank([busy, others[by]!], by)[0]?.candidate.id).toBe(others[by]!.id);
    }
  });
});
