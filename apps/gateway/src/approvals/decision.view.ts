import { ApiProperty } from '@nestjs/swagger';
import { APPROVAL_STATUSES } from '@houston/common/domain/approval-states.js';
import type { BulkOutcome } from './decision.service.js';

export class BulkItemView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['resolved', 'failed'] })
  outcome: string;

  @ApiProperty({ enum: APPROVAL_STATUSES, required: false, description: 'What it is now' })
  status?: string;

  @ApiProperty({ required: false, example: 'already_decided', description: 'Why it failed' })
  code?: string;

  @ApiProperty({ required: false, example: 'It is approved.' })
  detail?: string;
}

export class BulkView {
  @ApiProperty({ example: 12 })
  resolved: number;

  @ApiProperty({ example: 1 })
  failed: number;

  @ApiProperty({ type: [BulkItemView], description: 'In the order in which they were sent' })
  items: BulkItemView[];
}

export function bulkView(outcomes: readonly BulkOutcome[]): BulkView {
  const items = outcomes.map(itemView);
  const resolved = items.filter((item) => item.outcome === 'resolved').length;
  return { resolved, failed: items.length - resolved, items };
}

function itemView(outcome: BulkOutcome): BulkItemView {
  if ('approval' in outcome) return { id: outcome.id, outcome: 'resolved', status: outcome.approval.status };
  return { id: outcome.id, outcome: 'failed', code: outcome.problem.code, detail: outcome.problem.detail };
}
