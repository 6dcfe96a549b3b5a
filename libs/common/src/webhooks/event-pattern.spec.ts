import { isEventPattern, selectsEvent } from './event-pattern.js';

test.each(['*', 'budget.*', 'budget.threshold_crossed', 'dead_letter.replayed', 'execution.admitted'])(
  '%s selects events',
  (pattern) => expect(isEventPattern(pattern)).toBe(true),
);

test.each(['', '**', 'budget', '.*', '*.frozen', 'budget.', 'budget.**', 'a.b.c', 'Budget.*', 'budget.fro zen', 'b.é'])(
  '"%s" is refused',
  (pattern) => expect(isEventPattern(pattern)).toBe(false),
);

test('an endless pattern is refused', () => {
  expect(isEventPattern(`budget.${'a'.repeat(100)}`)).toBe(false);
});

test('a noun with a star selects every event of this noun, and none of a noun that only begins like it', () => {
  expect(selectsEvent(['budget.*'], 'budget.frozen')).toBe(true);
  expect(selectsEvent(['budget.*'], 'budget_alert.fired')).toBe(false);
  expect(selectsEvent(['bud.*'], 'budget.frozen')).toBe(false);
});

test('an exact type selects itself only', () => {
  expect(selectsEvent(['budget.frozen'], 'budget.frozen')).toBe(true);
  expect(selectsEvent(['budget.frozen'], 'budget.frozen_again')).toBe(false);
});

test('a star selects everything, and no pattern nothing', () => {
  expect(selectsEvent(['lease.lost', '*'], 'budget.frozen')).toBe(true);
  expect(selectsEvent([], 'budget.frozen')).toBe(false);
});
