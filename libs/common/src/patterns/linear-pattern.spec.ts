import { linearPattern } from './linear-pattern.js';

describe('a pattern of a stranger', () => {
  it.each([
    ['^\\d{3}-\\d{4}$', '555-1234', true],
    ['^\\d{3}-\\d{4}$', 'x555-1234', false],
    ['(?i)econn(reset|refused)', 'Error: ECONNRESET', true],
    ['^[^\\s@]+@[^\\s@]+$', 'a@b', true],
    ['^(?:a|b)*$', 'abba', true],
    ['\\bout of paper\\b', 'tray 2: out of paper', true],
    ['^\\pL+$', 'Ärger', true],
    ['', 'anything', true],
  ])('%s in %s: %s', (source, text, expected) => {
    expect(linearPattern(source).test(text)).toBe(expected);
  });

  it.each(['(', '[', '(a)\\1', '(?=a)', '(?<!a)b', '(?<n>a)\\k<n>', 'a{1001}', '((a{100}){100}){100}'])(
    'that cannot be matched in linear time, or is none, is refused: %s',
    (source) => {
      expect(() => linearPattern(source)).toThrow(SyntaxError);
    },
  );

  it.each(['(a+)+$', '(a|a)*$', '(a?){30}a{30}$', '(.*)*x', '^(([a-z])+.)+[A-Z]([a-z])+$'])(
    'takes time in proportion to the text, however it is written: %s',
    (source) => {
      const pattern = linearPattern(source);
      const time = (length: number) => {
        const startedAt = performance.now();
        pattern.test(`${'a'.repeat(length)}!`);
        return performance.now() - startedAt;
      };
      time(1_000);
      const [short, long] = [time(2_000), time(16_000)];
      // Eight times the text; a quadratic engine would take 64 times as long, a backtracking one for ever.
      expect(long).toBeLessThan(Math.max(40 * short, 500));
    },
  );
});
