import { ApiProperty } from '@nestjs/swagger';
import { standupMarkdown, standupSlack, type SlackStandup } from '@houston/common/standups/standup-renderings.js';
import type { StandupReport, StandupSections, StandupTotals } from '@houston/common/standups/standup-sections.js';
import type { StandupRow } from '@houston/common/standups/standup.store.js';

const SECTIONS_EXAMPLE: StandupSections = {
  completed: [
    {
      taskId: '019a9d6e-0000-7000-8000-000000000000',
      title: 'Sort the mail',
      agent: 'clerk',
      since: '2026-11-21T08:12:00.000Z',
    },
  ],
  ...{ inProgress: [], blocked: [], needsReview: [], decisions: [] },
  spend: { costUsd: '1.25', executions: 14, byAgent: [{ agent: 'clerk', costUsd: '1.25' }], budgets: [] },
};
const TOTALS_EXAMPLE: StandupTotals = { completed: 1, inProgress: 0, blocked: 0, needsReview: 0, decisions: 0 };

class StandupSpan {
  @ApiProperty({ format: 'date-time', example: '2026-11-20T09:00:00.000Z' })
  from: string;

  @ApiProperty({ format: 'date-time', example: '2026-11-21T09:00:00.000Z' })
  to: string;

  @ApiProperty({ type: Object, example: TOTALS_EXAMPLE, description: 'How many there are of each' })
  totals: StandupTotals;
}

/** What would be sent now. */
export class StandupPreviewView extends StandupSpan {
  @ApiProperty({
    type: Object,
    example: SECTIONS_EXAMPLE,
    description: 'completed, inProgress, blocked, needsReview and decisions with at most 50 each; spend in USD',
  })
  sections: StandupSections;

  @ApiProperty({ example: '# Stand-up of Research, 21 November 2026\n\n## Completed (1)\n\n- Sort the mail (clerk)\n' })
  markdown: string;

  @ApiProperty({ type: Object, example: { text: 'Stand-up of Research, 21 November 2026', blocks: [] } })
  slack: SlackStandup;
}

export class StandupSummaryView extends StandupSpan {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'Stand-up of Research, 21 November 2026' })
  title: string;

  @ApiProperty({ enum: ['clock', 'manual', 'schedule'], description: 'schedule: a schedule with this target' })
  origin: string;

  @ApiProperty({
    enum: ['waiting', 'sent', 'superseded'],
    description:
      'waiting: until the feature is switched on again; superseded: of version 0.1, a later one went out instead',
  })
  status: string;

  @ApiProperty({ example: 'system' })
  createdBy: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  sentAt: string | null;
}

export class StandupView extends StandupSummaryView {
  @ApiProperty({ type: Object, example: SECTIONS_EXAMPLE })
  sections: StandupSections;

  @ApiProperty({ example: '# Stand-up of Research, 21 November 2026\n' })
  markdown: string;

  @ApiProperty({ type: Object, example: { text: 'Stand-up of Research, 21 November 2026', blocks: [] } })
  slack: SlackStandup;
}

export function previewView(report: StandupReport): StandupPreviewView {
  return {
    from: report.from.toISOString(),
    to: report.to.toISOString(),
    ...{ sections: report.sections, totals: report.totals },
    markdown: standupMarkdown(report),
    slack: standupSlack(report),
  };
}

export function summaryView(row: StandupRow): StandupSummaryView {
  const { id, title, origin, status, totals, created_by: createdBy } = row;
  return {
    ...{ id, title, origin, status, totals, createdBy },
    from: row.from_at.toISOString(),
    to: row.to_at.toISOString(),
    createdAt: row.created_at.toISOString(),
    sentAt: row.sent_at?.toISOString() ?? null,
  };
}

export function standupView(row: StandupRow): StandupView {
  const { sections, markdown, slack } = row;
  return { ...summaryView(row), sections, markdown, slack };
}
