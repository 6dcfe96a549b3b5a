import fc from 'fast-check';
import { type ClaimQuestion, decideClaim, INTERRUPTION_LIMIT } from './claim-decision.js';

const now = new Date('2026-11-21T10:00:00Z');
const later = new Date(now.getTime() + 1_000);
const due: ClaimQuestion = {
  dueAt: now,
  manualAttemptAt: null,
  claimedUntil: null,
  interruptionCount: 0,
  endpointStatus: 'enabled',
  now,
};

test('what is due and free is attempted', () => {
  expect(decideClaim(due)).toEqual({ kind: 'attempt', trigger: 'automatic' });
});

test('what somebody asked for is attempted as his, before its time by the schedule', () => {
  expect(decideClaim({ ...due, manualAttemptAt: now })).toEqual({ kind: 'attempt', trigger: 'manual' });
  expect(decideClaim({ ...due, manualAttemptAt: now })).toEqual({
    kind: 'attempt',
    trigger: 'manual',
  });
});

test('what somebody asked for but is put off leaves the schedule its turn', () => {
  expect(decideClaim({ ...due, manualAttemptAt: later })).toEqual({ kind: 'attempt', trigger: 'automatic' });
});

test('a wake-up before its time waits exactly until then', () => {
  expect(decideClaim({ ...due, dueAt: later })).toEqual({ kind: 'early', waitMs: 1_000 });
});

test('what another process is sending is left alone, and taken over when its claim has run out', () => {
  expect(decideClaim({ ...due, claimedUntil: later })).toEqual({ kind: 'taken' });
  expect(decideClaim({ ...due, claimedUntil: now })).toEqual({ kind: 'attempt', trigger: 'automatic' });
});

test('nothing is sent to a disabled endpoint', () => {
  expect(decideClaim({ ...due, endpointStatus: 'disabled' })).toEqual({ kind: 'give-up', reason: 'permanent' });
});

test('the attempt that was cut off just now counts as an interruption', () => {
  const almost = { ...due, interruptionCount: INTERRUPTION_LIMIT - 1 };
  expect(decideClaim(almost)).toMatchObject({ kind: 'attempt' });
  expect(decideClaim({ ...almost, claimedUntil: now })).toEqual({ kind: 'give-up', reason: 'poison' });
});

test('never is anything sent that is settled, not due, claimed, or for a disabled endpoint', () => {
  const time = fc.constantFrom(new Date(now.getTime() - 1), now, later);
  const question = fc.record({
    dueAt: fc.option(time),
    manualAttemptAt: fc.option(time),
    claimedUntil: fc.option(time),
    interruptionCount: fc.nat(12),
    endpointStatus: fc.constantFrom('enabled' as const, 'disabled' as const),
    now: fc.constant(now),
  });
  fc.assert(
    fc.property(question, (one) => {
      if (decideClaim(one).kind !== 'attempt') return;
      expect(one.dueAt).not.toBeNull();
      expect(one.dueAt!.getTime()).toBeLessThanOrEqual(now.getTime());
      expect(one.claimedUntil === null || one.claimedUntil <= now).toBe(true);
      expect(one.endpointStatus).toBe('enabled');
    }),
  );
});
