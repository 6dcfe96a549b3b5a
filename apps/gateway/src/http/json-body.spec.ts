import fc from 'fast-check';
import { BodyFault, parseJsonBody } from './json-body.js';

const fault = (text: string): BodyFault => {
  const parsed = parseJsonBody(text);
  if (!(parsed instanceof BodyFault)) throw new Error(`accepted: ${text}`);
  return parsed;
};

describe('a JSON body', () => {
  it('comes through unchanged', () => {
    fc.assert(
      fc.property(
        fc.dictionary(
          fc.string({ unit: 'grapheme' }).filter((key) => !key.includes('\u0000')),
          fc.oneof(fc.maxSafeInteger(), fc.boolean(), fc.constant(null)),
        ),
        (body) => {
          fc.pre(!Object.keys(body).some((key) => key === '__proto__' || key === 'constructor'));
          expect(parseJsonBody(JSON.stringify(body))).toEqual(body);
        },
      ),
    );
  });

  it('names the place of an integer that would lose digits', () => {
    expect(fault('{"a":{"b":[1,9007199254740993]}}')).toMatchObject({
      code: 'invalid_values',
      errors: [{ path: 'a.b[1]' }],
    });
  });

  it('keeps digits that stand in a text', () => {
    expect(parseJsonBody('{"id":"9007199254740993"}')).toEqual({ id: '9007199254740993' });
  });

  it.each([
    ['a NUL character', '{"a":"x\\u0000"}', 'a'],
    ['a NUL character in a name', '{"a\\u0000":1}', 'a\u0000'],
    ['a lone surrogate', '{"a":"\\ud800"}', 'a'],
    ['__proto__', '{"a":{"__proto__":{"admin":true}}}', 'a.__proto__'],
    ['an escaped __proto__', '{"\\u005f_proto__":1}', '__proto__'],
  ])('refuses %s and says where it is', (_name, text, path) => {
    expect(fault(text)).toMatchObject({ code: 'invalid_values', errors: [{ path }] });
  });

  it.each([
    ['broken JSON', '{"a":'],
    ['an array', '[]'],
    ['a bare text', '"x"'],
    ['null', 'null'],
    ['a hundred thousand levels', '{"a":'.repeat(100_000) + '1' + '}'.repeat(100_000)],
    ['a hundred thousand open brackets', '['.repeat(100_000)],
  ])('refuses %s', (_name, text) => {
    expect(fault(text).code).toBe('malformed_request');
  });

  it('reads an empty body as an empty object', () => {
    expect(parseJsonBody('')).toEqual({});
  });
});
