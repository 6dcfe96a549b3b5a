/** What one environment variable means: the single source for reading it, checking it and documenting it. */
export interface Setting<T> {
  /** Name of the environment variable. */
  readonly env: string;
  /** Kind of value, in one or two words, for the documentation. */
  readonly type: string;
  /** What is read when the variable is unset or empty; a setting without a default may stay absent. */
  readonly default?: string;
  /** What the documentation shows as default when there is none to read, or when it needs words. */
  readonly defaultNote?: string;
  readonly unit?: string;
  /** One sentence: what it does. */
  readonly meaning: string;
  /** A secret's value is never repeated in a fault. */
  readonly secret?: boolean;
  readonly parse: (text: string) => Parsed<T>;
}

export type Parsed<T> = { ok: true; value: T } | { ok: false; wrong: string; mend: string };

const ok = <T>(value: T): Parsed<T> => ({ ok: true, value });
const fault = (wrong: string, mend: string): Parsed<never> => ({ ok: false, wrong, mend });

export function integerBetween(least: number, most: number) {
  return (text: string): Parsed<number> => {
    const value = /^\d{1,15}$/.test(text) ? Number(text) : NaN;
    if (value >= least && value <= most) return ok(value);
    return fault('is not a whole number in range', `write a whole number from ${least} to ${most}`);
  };
}

export function oneOf<T extends string>(...choices: readonly T[]) {
  return (text: string): Parsed<T> => {
    const found = choices.find((choice) => choice === text);
    return found === undefined ? fault('is not one of the choices', `write one of: ${choices.join(', ')}`) : ok(found);
  };
}

export function text(pattern: RegExp, wrong: string, mend: string) {
  return (value: string): Parsed<string> => (pattern.test(value) ? ok(value) : fault(wrong, mend));
}

export function urlOf(protocols: readonly string[], example: string) {
  return (value: string): Parsed<string> => {
    const mend = `write it like ${example}`;
    if (!URL.canParse(value)) return fault('is not a URL', mend);
    const url = new URL(value);
    if (!protocols.includes(url.protocol)) return fault(`does not start with ${protocols.join(' or ')}//`, mend);
    return url.hostname === '' && !url.searchParams.has('host') ? fault('names no host', mend) : ok(value);
  };
}

/** A comma list; the first faulty item is named, so that a long list can be mended. */
export function listOf<T>(item: (text: string) => Parsed<T>, limits: { least: number; most: number }) {
  return (value: string): Parsed<T[]> => {
    const parts = value.split(',').map((part) => part.trim());
    if (parts.length < limits.least || parts.length > limits.most)
      return fault(`has ${parts.length} items`, `write ${limits.least} to ${limits.most} items, separated by commas`);
    const values: T[] = [];
    for (const part of parts) {
      const parsed = item(part);
      if (!parsed.ok) return fault(`has the item "${part}", which ${parsed.wrong}`, parsed.mend);
      values.push(parsed.value);
    }
    return ok(values);
  };
}
