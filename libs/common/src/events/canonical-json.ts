import canonicalizeModule from 'canonicalize';

// The package is CommonJS with a default export; bundlers and Node disagree on where that ends up.
const canonicalize = ((canonicalizeModule as { default?: unknown }).default ?? canonicalizeModule) as (
  value: unknown,
) => string | undefined;

/** RFC 8785: the same text for the same value, whoever writes it. Undefined for what is no JSON. */
export function canonicalJson(value: unknown): string | undefined {
  return canonicalize(value);
}
