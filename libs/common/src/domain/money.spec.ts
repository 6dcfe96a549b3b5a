import fc from 'fast-check';
import { formatUsd, MAX_EXECUTION_NANO, MAX_LIMIT_NANO, nanoFromNumber, parseUsd } from './money.js';

const amount = fc.bigInt({ min: 0n, max: MAX_LIMIT_NANO });

function nanoOf(input: unknown): bigint {
  const parsed = parseUsd(input);
  if (!parsed.ok) throw new Error(parsed.problem);
  return parsed.nano;
}

describe('money', () => {
  it('reads decimal strings exactly, to the ninth decimal', () => {
    expect(nanoOf('5')).toBe(5_000_000_000n);
    expect(nanoOf('0.0123')).toBe(12_300_000n);
    expect(nanoOf('0.000000001')).toBe(1n);
    expect(nanoOf('999999999.999999999')).toBe(999_999_999_999_999_999n);
  });

  it('returns what it wrote, for every amount', () => {
    fc.assert(fc.property(amount, (nano) => expect(nanoOf(formatUsd(nano))).toBe(nano)));
  });

  it('returns what it wrote for negative amounts where they are allowed', () => {
    fc.assert(
      fc.property(amount, (nano) =>
        expect(parseUsd(formatUsd(-nano), { allowNegative: true })).toEqual({ ok: true, nano: -nano }),
      ),
    );
  });

  it('writes no trailing zero, no exponent and no lone point', () => {
    expect(formatUsd(12_300_000n)).toBe('0.0123');
    expect(formatUsd(5_000_000_000n)).toBe('5');
    expect(formatUsd(-500_000_000n)).toBe('-0.5');
    expect(formatUsd(1n)).toBe('0.000000001');
    expect(formatUsd(0n)).toBe('0');
    fc.assert(fc.property(amount, (nano) => expect(formatUsd(nano)).toMatch(/^(0|[1-9]\d*)(\.\d{0,8}[1-9])?$/)));
  });

  it('reads a JSON number as the decimal it prints, not as the binary fraction behind it', () => {
    expect(nanoOf(0.1)).toBe(100_000_000n);
    expect(nanoOf(0.1 + 0.2)).toBe(300_000_000n);
    expect(nanoOf(1e-7)).toBe(100n);
    expect(nanoOf(4e-10)).toBe(0n);
    expect(nanoOf(5e-10)).toBe(1n);
    expect(nanoOf(-0)).toBe(0n);
  });

  it('reads any number of up to six decimals as it reads its text', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 1_000_000_000 }), (micros) => {
        expect(nanoOf(micros / 1_000_000)).toBe(BigInt(micros) * 1000n);
      }),
    );
  });

  it('rounds up on request, and only when there is something to round', () => {
    expect(nanoFromNumber(0.18000000000000002, 'up')).toBe(180_000_001n);
    expect(nanoFromNumber(0.18, 'up')).toBe(180_000_000n);
    expect(nanoFromNumber(1e21, 'up')).toBe(10n ** 30n);
    expect(() => nanoFromNumber(Number.NaN, 'up')).toThrow(RangeError);
  });

  it.each([
    ['a negative string', '-1'],
    ['a negative number', -0.01],
    ['NaN', Number.NaN],
    ['infinity', Number.POSITIVE_INFINITY],
    ['ten decimals', '0.0000000001'],
    ['ten decimals of zeros', '0.0000000000'],
    ['an exponent', '1e3'],
    ['a plus sign', '+1'],
    ['a space', ' 1'],
    ['a line feed at the end', '1\n'],
    ['a lone point', '.'],
    ['no digit before the point', '.5'],
    ['no digit after the point', '5.'],
    ['a thousands separator', '1,000'],
    ['a currency sign', '$1'],
    ['hexadecimal', '0x10'],
    ['foreign digits', '١٢'],
    ['nothing', ''],
    ['null', null],
    ['undefined', undefined],
    ['a boolean', true],
    ['an array', ['1']],
    ['an object', { valueOf: () => 1 }],
    ['a bigint', 1n],
    ['a very long string', '1'.repeat(100_000)],
    ['a huge number', 1e300],
    ['one nano above the cap', '1000000000.000000001'],
  ])('refuses %s with a sentence', (_name, input) => {
    const parsed = parseUsd(input);
    expect(parsed).toEqual({ ok: false, problem: expect.stringMatching(/^Send .+\.$/) });
  });

  it('takes a lower cap and names it', () => {
    expect(parseUsd('1000000', { maxNano: MAX_EXECUTION_NANO })).toEqual({ ok: true, nano: MAX_EXECUTION_NANO });
    expect(parseUsd('1000001', { maxNano: MAX_EXECUTION_NANO })).toEqual({
      ok: false,
      problem: 'Send at most 1000000 USD.',
    });
  });

  it('caps negative amounts by their magnitude', () => {
    expect(parseUsd('-1000000001', { allowNegative: true }).ok).toBe(false);
  });
});
