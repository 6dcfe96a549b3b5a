import fc from 'fast-check';
import { CATCH_UPS, MAX_CAUGHT_UP, planTicks } from './catch-up.js';

const NOW = new Date('2027-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(NOW.getTime() - seconds * 1_000);
/** One tick each minute, the first `minutes` ago; for ever. */
function* everyMinute(minutes: number) {
  for (let seconds = minutes * 60; ; seconds -= 60) yield ago(seconds);
}

describe('ticks that have come', () => {
  it('run when they are in time, whatever the policy', () => {
    for (const catchUp of CATCH_UPS) {
      expect(planTicks([ago(1), ago(-59)], NOW, catchUp)).toEqual({ fire: [ago(1)], missed: null, next: ago(-59) });
    }
  });

  it('are missed with `none`, but for the latest in time', () => {
    expect(planTicks([ago(120), ago(60), ago(-60)], NOW, 'none')).toEqual({
      fire: [ago(60)],
      missed: { from: ago(120), until: ago(120), count: 1 },
      next: ago(-60),
    });
    expect(planTicks([ago(7200), ago(3600), ago(0.001 - 60)], NOW, 'none')).toEqual({
      fire: [],
      missed: { from: ago(7200), until: ago(3600), count: 2 },
      next: ago(0.001 - 60),
    });
  });

  it('run once with `one`, however late', () => {
    expect(planTicks([ago(7200), ago(3600), ago(-60)], NOW, 'one')).toEqual({
      fire: [ago(3600)],
      missed: { from: ago(7200), until: ago(7200), count: 1 },
      next: ago(-60),
    });
  });

  it('all run with `all`, but not more than a hundred', () => {
    const plan = planTicks(everyMinute(150), NOW, 'all');
    expect(plan.fire).toHaveLength(MAX_CAUGHT_UP);
    expect(plan.fire.at(-1)).toEqual(NOW);
    expect(plan.missed).toEqual({ from: ago(150 * 60), until: ago(100 * 60), count: 51 });
    expect(planTicks(everyMinute(5), NOW, 'all')).toMatchObject({ missed: null, next: ago(-60) });
  });

  it('of a very long absence are worked through in steps, and none of them runs before the last step', () => {
    const plan = planTicks(everyMinute(50), NOW, 'one', 10);
    expect(plan).toEqual({ fire: [], missed: { from: ago(3000), until: ago(2460), count: 10 }, next: ago(2400) });
  });

  it('are each run or missed, exactly once, and in order', () => {
    const gaps = fc.array(fc.integer({ min: 1, max: 500 }), { minLength: 1, maxLength: 300 });
    fc.assert(
      fc.property(gaps, fc.integer({ min: 0, max: 40_000 }), fc.constantFrom(...CATCH_UPS), (steps, since, catchUp) => {
        let at = since;
        const ticks = steps.map((step) => ago((at -= step)));
        const due = ticks.filter((tick) => tick <= NOW);
        const { fire, missed, next } = planTicks(ticks, NOW, catchUp);
        expect(fire.length + (missed?.count ?? 0)).toBe(due.length);
        expect(fire).toEqual(fire.length === 0 ? [] : due.slice(-fire.length));
        if (missed) expect([missed.from, missed.until]).toEqual([due[0], due[missed.count - 1]]);
        expect(next).toEqual(ticks.find((tick) => tick > NOW) ?? null);
      }),
    );
  });
});
