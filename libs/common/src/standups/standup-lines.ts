import { DateTime } from 'luxon';
import type { StandupReport, StandupReview, StandupTask } from './standup-sections.js';

export interface StandupSection {
  heading: string;
  /** Plain text as people wrote it, each on one line. */
  lines: string[];
  /** How many more there are than lines. */
  more: number;
}

const DAY = 'd LLLL yyyy';
const MAX_LINE = 300;

/** The one wording of a stand-up; each rendering only makes it harmless in its own markup. */
export function standupLines(report: StandupReport): { title: string; sections: StandupSection[] } {
  const { sections, totals, timezone } = report;
  const day = DateTime.fromJSDate(report.to, { zone: timezone }).setLocale('en').toFormat(DAY);
  const section = (heading: string, lines: string[], total: number): StandupSection => ({
    heading: `${heading} (${total})`,
    lines: lines.map(oneLine),
    more: total - lines.length,
  });
  return {
    title: oneLine(`Stand-up of ${report.workspace}, ${day}`),
    sections: [
      section('Completed', sections.completed.map(taskLine), totals.completed),
      section('In progress', sections.inProgress.map(taskLine), totals.inProgress),
      section('Blocked', sections.blocked.map(taskLine), totals.blocked),
      section('Needs review', sections.needsReview.map(reviewLine), totals.needsReview),
      section('Decisions', decisionLines(report), totals.decisions),
      { heading: 'Spend', lines: spendLines(report).map(oneLine), more: 0 },
    ],
  };
}

function taskLine({ title, agent, reason }: Pick<StandupTask, 'title' | 'agent' | 'reason'>): string {
  return `${title}${agent === null ? '' : ` (${agent})`}${reason === undefined ? '' : `: ${reason}`}`;
}

function reviewLine(review: StandupReview): string {
  const what = { review: 'Review', failed: 'Failed', pending: 'Waits for an answer' }[review.status];
  return `${what}: ${taskLine(review)}`;
}

function decisionLines({ sections }: StandupReport): string[] {
  return sections.decisions.map(
    ({ status, title, by, comment }) => `${status}: ${title}, by ${by}${comment === null ? '' : `: ${comment}`}`,
  );
}

function spendLines({ sections: { spend } }: StandupReport): string[] {
  return [
    `${spend.costUsd} USD in ${spend.executions} ${spend.executions === 1 ? 'run' : 'runs'}`,
    ...spend.byAgent.map(({ agent, costUsd }) => `${agent}: ${costUsd} USD`),
    ...spend.budgets.map(
      ({ name, period, spentUsd, limitUsd, remainingUsd }) =>
        `Budget ${name} (${period}): ${spentUsd} of ${limitUsd} USD spent, ${remainingUsd} left`,
    ),
  ];
}

/** Without line breaks and without signs that only terminals and parsers understand. */
function oneLine(text: string): string {
  const line = text
    .replace(/[\p{Cc}\p{Zl}\p{Zp}]+/gu, ' ')
    .replace(/[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu, '')
    .trim();
  const signs = [...line];
  return signs.length <= MAX_LINE ? line : `${signs.slice(0, MAX_LINE - 1).join('')}…`;
}
