import fc from 'fast-check';
import { EndpointSlots } from './endpoint-slots.js';

let nowMs = 0;
const slotsAt = () =>
  new EndpointSlots(
    () => nowMs,
    () => 0,
  );

beforeEach(() => {
  nowMs = 1_000_000;
});

test('an endpoint that nobody knows gets two attempts at a time, the next one is told to wait', () => {
  const slots = slotsAt();
  for (let count = 0; count < 2; count += 1) {
    expect(slots.waitMs('a')).toBe(0);
    slots.take('a');
  }
  expect(slots.waitMs('a')).toBeGreaterThan(0);
  expect(slots.waitMs('b')).toBe(0);
});

test('an endpoint that succeeded gets eight, and is back at two after a failure, also when it was idle between', () => {
  const slots = slotsAt();
  const room = () => {
    let taken = 0;
    for (; slots.waitMs('a') === 0; taken += 1) slots.take('a');
    return taken;
  };
  slots.take('a');
  slots.release('a', { succeeded: true, durationMs: 10 });
  expect(room()).toBe(8);
  for (let count = 0; count < 8; count += 1) slots.release('a', { succeeded: false, durationMs: 15_000 });
  expect(room()).toBe(2);
});

test('those who wait are spread over the time the endpoint needs, and none waits more than about a minute', () => {
  const slots = slotsAt();
  slots.take('a');
  slots.release('a', { succeeded: false, durationMs: 15_000 });
  slots.take('a');
  slots.take('a');
  const waits = Array.from({ length: 20 }, () => slots.waitMs('a'));
  expect(waits.slice(0, 3)).toEqual([7_500, 15_000, 22_500]);
  expect(Math.max(...waits)).toBe(60_000);
});

test('a slot that was never taken cannot be given back', () => {
  expect(() => slotsAt().release('a', null)).toThrow(/endpoint a/);
});

test('never are more than eight in flight, whatever comes back in whatever order', () => {
  const step = fc.oneof(
    fc.constant({ kind: 'come' as const }),
    fc.record({ kind: fc.constant('end' as const), succeeded: fc.boolean(), durationMs: fc.nat(15_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 100 }), (steps) => {
      const slots = slotsAt();
      let inFlight = 0;
      for (const one of steps) {
        if (one.kind === 'come' && slots.waitMs('a') === 0) {
          slots.take('a');
          inFlight += 1;
        }
        if (one.kind === 'end' && inFlight > 0) {
          slots.release('a', one);
          inFlight -= 1;
        }
        expect(inFlight).toBeLessThanOrEqual(8);
      }
      // Nothing stays blocked once all have come back.
      for (; inFlight > 0; inFlight -= 1) slots.release('a', { succeeded: false, durationMs: 1 });
      expect(slots.waitMs('a')).toBe(0);
    }),
  );
});
