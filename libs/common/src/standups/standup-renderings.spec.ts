import fc from 'fast-check';
import { standupMarkdown, standupSlack, standupText } from './standup-renderings.js';
import type { StandupReport, StandupTask } from './standup-sections.js';

function reportOf(titles: string[], totals: Partial<StandupReport['totals']> = {}): StandupReport {
  const tasks: StandupTask[] = titles.map((title, n) => ({
    ...{ taskId: `t${n}`, title, agent: 'clerk', since: '2026-11-21T08:00:00.000Z' },
  }));
  const none = { completed: titles.length, inProgress: 0, blocked: 0, needsReview: 0, decisions: 0 };
  return {
    workspace: 'Research & Co',
    from: new Date('2026-11-20T23:30:00Z'),
    to: new Date('2026-11-21T23:30:00Z'),
    timezone: 'Europe/Paris',
    sections: {
      completed: tasks,
      ...{ inProgress: [], blocked: [], needsReview: [], decisions: [] },
      spend: {
        ...{ costUsd: '1.25', executions: 2, byAgent: [{ agent: 'clerk', costUsd: '1.25' }] },
        budgets: [
          {
            ...{ id: 'b', name: 'team', period: 'day', limitUsd: '10', spentUsd: '1.25', heldUsd: '0.5' },
            remainingUsd: '8.25',
          },
        ],
      },
    },
    totals: { ...none, ...totals },
  };
}

/** What a reader of CommonMark takes each backslash and entity for. */
function unescaped(markdown: string): string {
  return markdown
    .replace(/\\([!-/:-@[-`{-~])/g, '$1')
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&amp;', '&');
}

const NASTY = [
  '<!channel> <@U123> <https://evil.example|click>',
  '<script>alert(1)</script>',
  'two\r\nlines\u2028three',
  '[click](https://evil.example) ![x](https://evil.example/x.png) `code` **bold** ~~gone~~',
  '# heading',
  '- nested',
  '1. numbered',
  '| a | table |',
  'www.evil.example @everyone',
  'a\u202egnp.exe',
];

describe('the renderings of a stand-up', () => {
  it('tell the same, section by section, with the day of the zone', () => {
    const report = reportOf(['Sort the mail'], { completed: 60 });
    expect(standupMarkdown(report)).toBe(
      [
        '# Stand-up of Research &amp; Co, 22 November 2026\n',
        '## Completed (60)\n\n- Sort the mail (clerk)\n- and 59 more\n',
        '## In progress (0)\n\nNothing.\n\n## Blocked (0)\n\nNothing.\n\n## Needs review (0)\n\nNothing.\n',
        '## Decisions (0)\n\nNothing.\n',
        '## Spend\n\n- 1.25 USD in 2 runs\n- clerk: 1.25 USD',
        '- Budget team (day): 1.25 of 10 USD spent, 8.25 left\n',
      ].join('\n'),
    );
    const { title, text } = standupText(report);
    expect(title).toBe('Stand-up of Research & Co, 22 November 2026');
    expect(text).toContain('Completed (60)\n- Sort the mail (clerk)\n- and 59 more');
    expect(standupSlack(report).text).toBe('Stand-up of Research &amp; Co, 22 November 2026');
  });

  it.each(NASTY)('make harmless in Markdown, and let be read: %j', (title) => {
    const [line] = standupMarkdown(reportOf([title]))
      .split('\n')
      .filter((one) => one.startsWith('- '));
    expect(line).toMatch(/\(clerk\)$/);
    expect(line).not.toMatch(/[<>]|(?<!\\)[`*_[\]|~!@]|\r|(?<!\\):\/\/|www\.|\u202e/);
    expect(line?.slice(2)).not.toMatch(/^([#+=-]|\d+[.)]\s)/);
    expect(unescaped(line ?? '')).toContain(title.replace(/[\r\n\u2028]+/g, ' ').replace('\u202e', ''));
  });

  it.each(NASTY)('mention nobody and link nothing in Slack: %j', (title) => {
    const { blocks } = standupSlack(reportOf([title]));
    const texts = blocks.map((block) => block['text'] as { type: string; text: string });
    expect(texts.every(({ text }) => !/[<>]/.test(text))).toBe(true);
    const markup = texts.filter(({ type }) => type === 'mrkdwn').map(({ text }) => text);
    expect(markup.join(' ')).not.toContain(title.slice(0, 5));
  });

  it('fit into what Slack takes and onto their lines, whatever people wrote and however much', () => {
    const anyText = fc.string({ unit: 'binary', maxLength: 400 });
    fc.assert(
      fc.property(fc.array(anyText, { maxLength: 50 }), (titles) => {
        const report = reportOf(titles);
        const { blocks, text } = standupSlack(report);
        expect(blocks.length).toBeLessThanOrEqual(50);
        for (const block of blocks) {
          const shown = (block['text'] as { text: string }).text;
          expect(shown.length).toBeGreaterThan(0);
          expect(shown.length).toBeLessThanOrEqual(3_000);
          expect(shown).not.toMatch(/[<>]|&(?!amp;|lt;|gt;)/);
        }
        expect(text.length).toBeLessThanOrEqual(3_000);
        const lines = standupMarkdown(report).split('\n');
        expect(lines.filter((line) => line.startsWith('- ') && line.endsWith('(clerk)')).length).toBeLessThanOrEqual(
          titles.length,
        );
        expect(lines.filter((line) => line.startsWith('#'))).toHaveLength(7);
        expect(standupText(report).text.length).toBeLessThanOrEqual(5_500);
      }),
      { numRuns: 200 },
    );
  });
});
