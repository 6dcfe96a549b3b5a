import { resultFaults, schemaFault } from './output-schema.js';

const patterned = (pattern: string) => ({ type: 'string', pattern });
const isMatch = (pattern: string, text: string) => resultFaults(patterned(pattern), text).length === 0;

describe('the schema of a result', () => {
  it.each([
    { $ref: 'https://example.com/schema.json' },
    { $ref: 'http://169.254.169.254/' },
    { $ref: 'other.json' },
    { $ref: '/other' },
    { $ref: 'file:///etc/passwd' },
    { properties: { a: { items: [{ anyOf: [{ $dynamicRef: 'urn:x:y' }] }] } } },
    { $defs: { a: { $ref: '//example.com/x' } } },
  ])('refuses to refer to anything but itself: %j', (schema) => {
    expect(schemaFault(schema)).toMatch(/refers to/);
  });

  it('follows references within itself, also to itself', () => {
    const tree = {
      $defs: { node: { type: 'object', properties: { next: { $ref: '#/$defs/node' } } } },
      $ref: '#/$defs/node',
    };
    expect(schemaFault(tree)).toBeNull();
    expect(resultFaults(tree, { next: { next: {} } })).toEqual([]);
    expect(resultFaults(tree, { next: { next: 7 } })).toMatchObject([{ path: 'result.next.next' }]);
  });

  it('is refused when it is none, or larger than 64 kB', () => {
    expect(schemaFault({ type: 'nonsense' })).toEqual(expect.any(String));
    expect(schemaFault({ $ref: '#/$defs/missing' })).toEqual(expect.any(String));
    expect(schemaFault({ description: 'x'.repeat(65_536) })).toMatch(/larger/);
  });

  it('has an $id of its own in every task, also the same as another', () => {
    const [number, text] = ['number', 'string'].map((type) => ({ $id: 'https://example.com/result', type }));
    expect([schemaFault(number!), schemaFault(text!)]).toEqual([null, null]);
    expect([resultFaults(number!, 1), resultFaults(text!, 'a')]).toEqual([[], []]);
  });

  it('tells every fault by its place, and no more than twenty', () => {
    const items = { type: 'array', items: { type: 'integer' }, minItems: 1 };
    expect(resultFaults(items, [1, 'b'])).toEqual([{ path: 'result.1', message: 'must be integer' }]);
    expect(
      resultFaults({ allOf: Array.from({ length: 50 }, () => ({ type: 'integer' })) }, 'x').length,
    ).toBeLessThanOrEqual(20);
  });
});

describe('a pattern of a stranger', () => {
  it.each([
    ['^[a-z]+-\\d{2,3}$', 'abc-12', true],
    ['^[a-z]+-\\d{2,3}$', 'abc-1', false],
    ['colou?r|grey', 'the color', true],
    ['^(foo|bar)*$', 'foobarfoo', true],
    ['^.$', 'é', true],
    ['\\bword\\b', 'a word here', true],
  ])('%s matches as usual: %s', (pattern, text, expected) => {
    expect(isMatch(pattern, text)).toBe(expected);
  });

  it.each(['^(a+)+$', '^(a|aa)*$', '^(a*)*b$', '(x+x+)+y'])(
    'is matched in linear time: %s would never end otherwise',
    (pattern) => {
      expect(schemaFault(patterned(pattern))).toBeNull();
      expect(isMatch(pattern, `${'a'.repeat(20_000)}!`)).toBe(false);
      expect(isMatch(pattern, `${'x'.repeat(20_000)}!`)).toBe(false);
    },
  );

  it.each(['(a)\\1', '(?<=a)b', 'a(?!b)', '(', '[z-a]'])(
    'is refused where it cannot be, or is no expression: %s',
    (pattern) => {
      expect(schemaFault(patterned(pattern))).toEqual(expect.any(String));
    },
  );
});
