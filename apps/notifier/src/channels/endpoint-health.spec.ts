import fc from 'fast-check';
import { afterAttempt, mayRaiseEvents, type EndpointHealth } from './endpoint-health.js';

const HOUR = 3600 * 1_000;
const start = Date.parse('2026-11-01T00:00:00Z');
const HEALTHY: EndpointHealth = { failingSince: null, consecutiveFailures: 0 };

interface Step {
  atHours: number;
  succeeded?: boolean;
  eventType?: string;
}

/** What was raised, attempt by attempt. */
function replay(steps: Step[]) {
  let health = HEALTHY;
  const raised = steps.map(({ atHours, succeeded = false, eventType = 'budget.exhausted' }) => {
    const verdict = afterAttempt(health, { eventType, succeeded, now: new Date(start + atHours * HOUR) });
    health = verdict.health;
    return verdict.raises;
  });
  return { health, raised };
}

const failures = (count: number, everyHours: number): Step[] =>
  Array.from({ length: count }, (_, index) => ({ atHours: index * everyHours }));

describe('the health of an endpoint', () => {
  test('ten failures in a row are told once, and do not disable before five days', () => {
    const { raised } = replay(failures(100, 1));
    expect(raised.indexOf('endpoint.failing')).toBe(9);
    expect(raised.filter((event) => event !== null)).toEqual(['endpoint.failing']);
  });

  test('five days of failing disable at the first failure after them, not one millisecond before', () => {
    const tenth = (atHours: number) => replay([...failures(9, 1), { atHours }]).raised[9];
    expect(tenth(120)).toBe('endpoint.disabled');
    expect(tenth(120 - 1 / HOUR)).toBe('endpoint.failing');
  });

  test('nine failures never disable, however long they take', () => {
    expect(replay(failures(9, 1000)).raised.every((event) => event === null)).toBe(true);
  });

  test('any success resets the count and the five days', () => {
    const { raised, health } = replay([...failures(11, 11), { atHours: 121, succeeded: true }, { atHours: 200 }]);
    expect(raised).not.toContain('endpoint.disabled');
    expect(health).toEqual({ failingSince: new Date(start + 200 * HOUR), consecutiveFailures: 1 });
  });

  test.each(['endpoint.failing', 'endpoint.disabled', 'delivery.exhausted', 'delivery.recovered'])(
    'failing to deliver %s triggers nothing, ever',
    (eventType) => {
      const { raised, health } = replay(failures(500, 1).map((step) => ({ ...step, eventType })));
      expect(raised.every((event) => event === null)).toBe(true);
      expect(health).toEqual(HEALTHY);
      expect(mayRaiseEvents(eventType)).toBe(false);
    },
  );

  test('news about budgets may trigger events', () => {
    expect(mayRaiseEvents('budget.exhausted')).toBe(true);
  });

  test('an endpoint is never disabled without ten failures and five days since its last success', () => {
    const step = fc.record({ afterHours: fc.nat({ max: 30 }), succeeded: fc.boolean() });
    fc.assert(
      fc.property(
        fc.array(fc.oneof({ weight: 6, arbitrary: step.map((s) => ({ ...s, succeeded: false })) }, step), {
          maxLength: 60,
        }),
        (plan) => {
          let atHours = 0;
          const steps = plan.map(({ afterHours, succeeded }) => ({ atHours: (atHours += afterHours), succeeded }));
          replay(steps).raised.forEach((event, index) => {
            const run = steps.slice(steps.slice(0, index + 1).findLastIndex((s) => s.succeeded) + 1, index + 1);
            const isDue = run.length >= 10 && run.at(-1)!.atHours - run[0]!.atHours >= 120;
            expect(event === 'endpoint.disabled').toBe(isDue);
          });
        },
      ),
    );
  });
});
