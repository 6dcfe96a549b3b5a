import { type StandupSection, standupLines } from './standup-lines.js';
import type { StandupReport } from './standup-sections.js';

/** Of one text of Block Kit; a heading has less room. */
const MAX_SLACK_TEXT = 2_900;
const MAX_SLACK_HEADING = 140;
const MAX_PLAIN = 5_500;

/** A message of Slack: `text` for notifications, `blocks` for the eyes. */
export interface SlackStandup {
  text: string;
  blocks: Record<string, unknown>[];
}

export function standupMarkdown(report: StandupReport): string {
  const { title, sections } = standupLines(report);
  const parts = sections.map(({ heading, lines, more }) =>
    [`## ${escapeMarkdown(heading)}`, '', ...listed(lines.map(escapeMarkdown), more)].join('\n'),
  );
  return [`# ${escapeMarkdown(title)}`, ...parts].join('\n\n') + '\n';
}

/** Nothing of it is mrkdwn but the headings, which are ours: what people wrote is plain text. */
export function standupSlack(report: StandupReport): SlackStandup {
  const { title, sections } = standupLines(report);
  const text = escapeSlack(title);
  return {
    text: cut(text, MAX_SLACK_TEXT),
    blocks: [
      { type: 'header', text: { type: 'plain_text', text: cut(text, MAX_SLACK_HEADING), emoji: false } },
      ...sections.flatMap(slackSection),
    ],
  };
}

/** For mails and inboxes, which render nothing. */
export function standupText(report: StandupReport): { title: string; text: string } {
  const { title, sections } = standupLines(report);
  const parts = sections.map(({ heading, lines, more }) => [heading, ...listed(lines, more)].join('\n'));
  return { title, text: cut(parts.join('\n\n'), MAX_PLAIN) };
}

function slackSection({ heading, lines, more }: StandupSection): Record<string, unknown>[] {
  const shown = cut(listed(lines.map(escapeSlack), more, '•').join('\n'), MAX_SLACK_TEXT);
  return [
    { type: 'section', text: { type: 'mrkdwn', text: `*${escapeSlack(heading)}*` } },
    { type: 'section', text: { type: 'plain_text', text: shown, emoji: false } },
  ];
}

function listed(lines: readonly string[], more: number, bullet = '-'): string[] {
  if (lines.length === 0) return ['Nothing.'];
  return [...lines.map((line) => `${bullet} ${line}`), ...(more > 0 ? [`${bullet} and ${more} more`] : [])];
}

/** No emphasis, link, image, code, heading, list, table or HTML comes of it, and no address becomes a link. */
function escapeMarkdown(text: string): string {
  return text
    .replace(/[\\`*_[\]|~!]/g, '\\$&')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('://', '\\://')
    .replace(/\bwww\./gi, (www) => `${www.slice(0, -1)}\\.`)
    .replaceAll('@', '\\@')
    .replace(/^(\s*)([#+=-]|\d+(?=[.)](?:\s|$)))/, (_, space: string, sign: string) =>
      /\d/.test(sign) ? `${space}${sign}\\` : `${space}\\${sign}`,
    );
}

function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** Never within an entity or a sign. */
function cut(text: string, most: number): string {
  if (text.length <= most) return text;
  const kept = text.slice(0, most - 1).replace(/&[a-z]{0,4}$|[\ud800-\udbff]$/, '');
  return `${kept}…`;
}
