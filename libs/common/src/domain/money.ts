/** Money is counted in whole nano-dollars (1 USD = 1,000,000,000 nano), so that no sum ever rounds. */
export type NanoUsd = bigint;

export const NANO_PER_USD: NanoUsd = 1_000_000_000n;

/** The most one execution may hold or cost: 1,000,000 USD. */
export const MAX_EXECUTION_NANO: NanoUsd = 1_000_000n * NANO_PER_USD;

/** The highest limit a budget may have: 1,000,000,000 USD. It fits a Postgres bigint nine times over. */
export const MAX_LIMIT_NANO: NanoUsd = 1_000_000_000n * NANO_PER_USD;

export type ParsedUsd = { ok: true; nano: NanoUsd } | { ok: false; problem: string };

export interface ParseUsdOptions {
  /** The highest magnitude accepted, in nano-USD. Default: MAX_LIMIT_NANO. */
  maxNano?: NanoUsd;
  /** Accept a leading minus sign, as corrections need. Default: false. */
  allowNegative?: boolean;
}

const DECIMALS = 9;
const MAX_TEXT_LENGTH = 64;
const DECIMAL_TEXT = /^(-?)(\d+)(?:\.(\d+))?$/;
const NUMBER_TEXT = /^(-?)(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/;

/**
 * Reads an amount of US dollars from untrusted JSON.
 * A string is a plain decimal with at most nine decimals and is read exactly. A number is read through its shortest
 * decimal form and rounded half up to nine decimals. Anything else comes back as a sentence that says how to mend it.
 */
export function parseUsd(input: unknown, options: ParseUsdOptions = {}): ParsedUsd {
  const { maxNano = MAX_LIMIT_NANO, allowNegative = false } = options;
  const read = typeof input === 'string' ? parseText(input) : parseNumber(input);
  if (!read.ok) return read;
  if (read.nano < 0n && !allowNegative)
    return refuse('Send an amount of zero or more; negative amounts are not accepted.');
  if (magnitude(read.nano) > maxNano) return refuse(`Send at most ${formatUsd(maxNano)} USD.`);
  return read;
}

/** Writes nano-USD as a plain decimal of US dollars: "0.0123", "5", "-0.5". Never an exponent, never a trailing zero. */
export function formatUsd(nano: NanoUsd): string {
  const absolute = magnitude(nano);
  const sign = nano < 0n ? '-' : '';
  const whole = absolute / NANO_PER_USD;
  const rest = absolute % NANO_PER_USD;
  if (rest === 0n) return `${sign}${whole}`;
  return `${sign}${whole}.${rest.toString().padStart(DECIMALS, '0').replace(/0+$/, '')}`;
}

/**
 * Converts a finite JavaScript number of US dollars to nano-USD through its shortest decimal form, so that 0.1 means
 * 0.1 and not the binary fraction behind it. `nearest` rounds half away from zero, `up` away from zero.
 * @throws RangeError when the number is not finite.
 */
export function nanoFromNumber(usd: number, rounding: 'nearest' | 'up'): NanoUsd {
  const match = NUMBER_TEXT.exec(String(usd));
  if (!match) throw new RangeError(`Not a finite amount of money: ${usd}`);
  const [, sign, whole = '', fraction = '', exponent = '0'] = match;
  const digits = BigInt(whole + fraction);
  const shift = Number(exponent) - fraction.length + DECIMALS;
  const absolute = shift >= 0 ? digits * 10n ** BigInt(shift) : divide(digits, 10n ** BigInt(-shift), rounding);
  return sign === '-' ? -absolute : absolute;
}

function parseText(text: string): ParsedUsd {
  if (text.length > MAX_TEXT_LENGTH) return refuse(`Send at most ${MAX_TEXT_LENGTH} characters, such as "12.50".`);
  const match = DECIMAL_TEXT.exec(text);
  if (!match)
    return refuse('Send a plain decimal such as "12.50": digits and one point, no spaces, exponent, sign or currency.');
  const [, sign, whole = '', fraction = ''] = match;
  if (fraction.length > DECIMALS)
    return refuse(`Send at most ${DECIMALS} decimals; one nano-dollar (0.000000001) is the smallest unit.`);
  const absolute = BigInt(whole) * NANO_PER_USD + BigInt(fraction.padEnd(DECIMALS, '0'));
  return { ok: true, nano: sign === '-' ? -absolute : absolute };
}

function parseNumber(input: unknown): ParsedUsd {
  if (typeof input !== 'number') return refuse('Send the amount as a decimal string such as "12.50", or as a number.');
  if (!Number.isFinite(input)) return refuse('Send a finite amount, such as "12.50".');
  return { ok: true, nano: nanoFromNumber(input, 'nearest') };
}

function divide(dividend: bigint, divisor: bigint, rounding: 'nearest' | 'up'): bigint {
  return rounding === 'up' ? (dividend + divisor - 1n) / divisor : (dividend + divisor / 2n) / divisor;
}

function magnitude(nano: NanoUsd): NanoUsd {
  return nano < 0n ? -nano : nano;
}

function refuse(problem: string): ParsedUsd {
  return { ok: false, problem };
}
