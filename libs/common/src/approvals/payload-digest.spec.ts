import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { payloadDigest } from './payload-digest.js';

const sha256 = (text: string) => `sha256:${createHash('sha256').update(text).digest('hex')}`;

describe('the digest of a payload', () => {
  it('is SHA-256 over its canonical text', () => {
    expect(payloadDigest({ b: [1, 2.5e-7, 'é'], a: null })).toBe(sha256('{"a":null,"b":[1,2.5e-7,"é"]}'));
    expect(payloadDigest({ '€': 1, '\r': 2, 1: 3 })).toBe(sha256('{"\\r":2,"1":3,"€":1}'));
  });

  it('is that of null where there is none', () => {
    expect(payloadDigest(undefined)).toBe(sha256('null'));
    expect(payloadDigest(null)).toBe(sha256('null'));
  });

  it('does not depend on the order of names, and on nothing less than the values', () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.jsonValue()), (value) => {
        const turned = Object.fromEntries(Object.entries(value).reverse());
        expect(payloadDigest(turned)).toBe(payloadDigest(value));
        expect(payloadDigest({ ...value, one: { more: 1 } })).not.toBe(payloadDigest({ ...value, one: { more: 2 } }));
      }),
    );
  });
});
