import fc from 'fast-check';
import { quietUntil } from './quiet-hours.js';

const night = { from: '22:00', to: '07:00', timezone: 'Europe/Paris' };
const at = (text: string) => new Date(text);

it('lasts over midnight until the morning of the zone, and begins and ends on the minute', () => {
  expect(quietUntil(night, at('2026-11-21T20:59:59.999Z'))).toBeNull();
  expect(quietUntil(night, at('2026-11-21T21:00:00Z'))).toEqual(at('2026-11-22T06:00:00Z'));
  expect(quietUntil(night, at('2026-11-22T05:59:59Z'))).toEqual(at('2026-11-22T06:00:00Z'));
  expect(quietUntil(night, at('2026-11-22T06:00:00Z'))).toBeNull();
});

it('ends by the clocks on the wall also in the night in which they change', () => {
  expect(quietUntil(night, at('2026-03-28T22:00:00Z'))).toEqual(at('2026-03-29T05:00:00Z'));
  expect(quietUntil(night, at('2026-10-24T22:00:00Z'))).toEqual(at('2026-10-25T06:00:00Z'));
});

it('may lie within one day, and is nothing when it has no length', () => {
  const noon = { from: '12:00', to: '13:00', timezone: 'UTC' };
  expect(quietUntil(noon, at('2026-11-21T12:30:00Z'))).toEqual(at('2026-11-21T13:00:00Z'));
  expect(quietUntil(noon, at('2026-11-21T13:00:00Z'))).toBeNull();
  expect(quietUntil({ ...noon, to: '12:00' }, at('2026-11-21T12:00:00Z'))).toBeNull();
});

it('always ends later than now, within a day and an hour, and is over when it ends', () => {
  const time = fc
    .tuple(fc.nat(23), fc.nat(59))
    .map(([hour, minute]) => `${String(hour).padStart(2, '0')}:${String(minute).padStart(2, '0')}`);
  const zone = fc.constantFrom('UTC', 'Europe/Paris', 'America/New_York', 'Asia/Kathmandu', 'Pacific/Apia');
  const moment = fc.date({ min: at('2025-01-01'), max: at('2027-12-31'), noInvalidDate: true });
  fc.assert(
    fc.property(time, time, zone, moment, (from, to, timezone, now) => {
      const end = quietUntil({ from, to, timezone }, now);
      if (end === null) return;
      expect(end.getTime()).toBeGreaterThan(now.getTime());
      expect(end.getTime() - now.getTime()).toBeLessThanOrEqual(26 * 3_600_000);
    }),
  );
});
