import fc from 'fast-check';
import { mentionCandidates, mentioned } from './mentions.js';

const KNOWN = [
  'ada',
  'ada.lovelace',
  'code-reviewer',
  'gpt-4.1-mini',
  'Ada Lovelace',
  'Мария',
  'v2.',
  'twin',
  'twin',
].map((name, id) => ({ id, name }));
const names = (text: string) => mentioned(text, KNOWN).map(({ name }) => name);

describe('mentions', () => {
  it.each([
    ['@ada please look', ['ada']],
    ['Thanks, @code-reviewer.', ['code-reviewer']],
    ['ask @gpt-4.1-mini, or (@ada)!', ['gpt-4.1-mini', 'ada']],
    ['@ada.lovelace and not ada', ['ada.lovelace']],
    ['@Ada Lovelace, can you?', ['Ada Lovelace']],
    ["@ada's work", ['ada']],
    ['**@ada** @Мария: hm', ['ada', 'Мария']],
    ['first line\n@ada\n@ada again', ['ada']],
    ['done.@ada', ['ada']],
    ['@v2. is a name with a dot', ['v2.']],
    ['@twin are two', ['twin', 'twin']],
  ])('are found in %j', (text, expected) => {
    expect(names(text)).toEqual(expected);
  });

  it.each([
    'ada without a sign',
    'mail ada@ada or x.y+z@ada now',
    'see https://example.com/@ada',
    'in `code @ada here` only',
    'in ``code with ` and @ada`` only',
    '```\n@ada\n```',
    '~~~ts\nconst a = "@ada";\n~~~',
    '```\n@ada is in a block that never ends',
    '@adamant',
    '@ ada',
    '@@ada',
    '@ADA',
    '',
  ])('are none in %j', (text) => {
    expect(names(text)).toEqual([]);
  });

  it('after code are found all the same', () => {
    expect(names('```\n@ada\n```\n@ada.lovelace, and `@ada` @Мария')).toEqual(['ada.lovelace', 'Мария']);
  });

  it('stand behind spans that never end, and not within those that do', () => {
    expect(names('`` @ada ` @twin ``` @Мария ` @v2. ``` @gpt-4.1-mini')).toEqual(['ada', 'v2.', 'gpt-4.1-mini']);
    expect(names('```` @ada ```')).toEqual(['ada']);
    expect(names('````\n```\n@ada\n````\n@twin')).toEqual(['twin', 'twin']);
  });

  it('of any name between spaces are that name', () => {
    const name = fc.stringMatching(/^[\p{L}\p{N}][\p{L}\p{N}_.-]{0,30}$/u);
    fc.assert(
      fc.property(name, fc.constantFrom('', ' ', '.', ', ', '!?', '\n'), (one, after) => {
        expect(mentioned(`hello @${one}${after}`, [{ name: one }])).toEqual([{ name: one }]);
      }),
    );
  });

  it('of any text are few and short, however hostile it is', () => {
    const hostile = ['`', '~', '```\n', '@', '@!', '`@', '``', '@a ', '~~~\n', '@.'].map((text) =>
      text.repeat(65_536 / text.length),
    );
    const runs = Array.from({ length: 300 }, (_, n) => '`'.repeat(n + 1)).join(' ');
    const startedAt = performance.now();
    for (const text of [...hostile, runs]) {
      const candidates = mentionCandidates(text);
      expect(candidates.length).toBeLessThanOrEqual(100);
      expect(Math.max(0, ...candidates.map((one) => one.length))).toBeLessThanOrEqual(60);
    }
    // Fences and spans were once looked for in quadratic time: a quarter of a minute for the first of these alone.
    expect(performance.now() - startedAt).toBeLessThan(5_000);
  });
});
