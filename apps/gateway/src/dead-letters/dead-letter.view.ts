import { ApiProperty } from '@nestjs/swagger';
import { AttemptResponseView } from '../webhooks/delivery.view.js';
import { DEAD_LETTER_STATUSES } from './dead-letter.dto.js';

export interface DeadLetterRow {
  id: string;
  kind: 'webhook';
  delivery_id: string;
  reason: string;
  status: (typeof DEAD_LETTER_STATUSES)[number];
  summary: Record<string, unknown>;
  created_at: Date;
  resolved_at: Date | null;
  resolved_by: string | null;
}

export class DeadLetterView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ enum: ['webhook'], description: 'What was given up; `referenceId` is its id' })
  kind: string;

  @ApiProperty({ format: 'uuid', description: 'For a webhook: the delivery' })
  referenceId: string;

  @ApiProperty({ enum: ['attempts', 'timeout', 'permanent', 'poison', 'manual'] })
  reason: string;

  @ApiProperty({ enum: DEAD_LETTER_STATUSES })
  status: string;

  @ApiProperty({
    type: Object,
    example: { type: 'budget.frozen', webhookId: '0199…', host: 'example.com', attempts: 10, lastStatus: 503 },
  })
  summary: Record<string, unknown>;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  resolvedAt: string | null;

  @ApiProperty({ nullable: true, type: String, example: 'key:0199…' })
  resolvedBy: string | null;
}

export class DeadLetterDetailView extends DeadLetterView {
  @ApiProperty({ type: [AttemptResponseView], description: 'Everything that was tried' })
  attempts: AttemptResponseView[];
}

export function deadLetterView(row: DeadLetterRow): DeadLetterView {
  return {
    id: row.id,
    kind: row.kind,
    referenceId: row.delivery_id,
    reason: row.reason,
    status: row.status,
    summary: row.summary,
    createdAt: row.created_at.toISOString(),
    resolvedAt: row.resolved_at?.toISOString() ?? null,
    resolvedBy: row.resolved_by,
  };
}
