import fc from 'fast-check';
import { FailedLogins } from './failed-logins.js';

const MINUTE_MS = 60_000;

describe('failed authentications', () => {
  const burst = (logins: FailedLogins, count: number, from: number, address = 'a', prefix: string | null = 'p') =>
    Array.from({ length: count }, (_, n) => logins.note(address, prefix, from + n));

  it('let twenty pass within a minute and make the next wait until there are few again', () => {
    const logins = new FailedLogins();
    expect(burst(logins, 20, 0)).toEqual(Array(20).fill(null));
    expect(logins.note('a', 'p', 30_000)).toBe(31);
    expect(logins.note('a', 'p', MINUTE_MS + 25)).toBeNull();
  });

  it('are not forgotten at the end of a fixed minute: any sixty seconds count', () => {
    const logins = new FailedLogins();
    burst(logins, 1, 0);
    expect(burst(logins, 19, 59_000)).toEqual(Array(19).fill(null));
    expect(burst(logins, 1, 60_100)).toEqual([null]);
    expect(burst(logins, 1, 60_200)[0]).toBeGreaterThan(50);
  });

  it('count for the address whatever the key, and for the prefix wherever it comes from', () => {
    const byAddress = new FailedLogins();
    for (let n = 0; n < 20; n += 1) byAddress.note('a', `p${n}`, n);
    expect([byAddress.note('a', 'fresh', 30), byAddress.note('b', 'fresh', 31)]).toEqual([60, null]);
    const byPrefix = new FailedLogins();
    for (let n = 0; n < 20; n += 1) byPrefix.note(`a${n}`, 'p', n);
    expect([byPrefix.note('fresh', 'p', 30), byPrefix.note('fresh', 'q', 31)]).toEqual([60, null]);
  });

  it('count for the network of an IPv6 address, and not for its neighbours or for all of IPv4 written as IPv6', () => {
    const logins = new FailedLogins();
    for (let n = 0; n < 20; n += 1) expect(logins.note(`2001:db8:1:1::${n + 1}`, null, n)).toBeNull();
    expect([logins.note('2001:DB8:1:1:ffff::7', null, 30), logins.note('2001:db8:1:2::1', null, 31)]).toEqual([
      60,
      null,
    ]);
    for (let n = 0; n < 20; n += 1) expect(logins.note(`::ffff:203.0.113.${n}`, null, n)).toBeNull();
    burst(logins, 19, 40, '203.0.113.1', null);
    expect(logins.note('::ffff:203.0.113.1', null, 60)).toBe(60);
  });

  it('without anything like a key count for the address alone, not for all who forgot theirs', () => {
    const logins = new FailedLogins();
    for (let n = 0; n < 100; n += 1) expect(logins.note(`a${n}`, null, n)).toBeNull();
  });

  it('are refused exactly when more than twenty lie within sixty seconds, whatever their rhythm', () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: 9_000 }), { minLength: 1, maxLength: 120 }), (pauses) => {
        const logins = new FailedLogins();
        const moments: number[] = [];
        let now = 1;
        for (const pause of pauses) {
          now += pause;
          moments.push(now);
          const within = moments.filter((at) => at > now - MINUTE_MS).length;
          const wait = logins.note('a', null, now);
          expect([within, wait !== null]).toEqual([within, within > 20]);
          if (wait === null) continue;
          const later = now + wait * 1_000;
          expect(moments.filter((at) => at > later - MINUTE_MS).length).toBeLessThan(20);
        }
      }),
    );
  });
});
