import { ApiProperty } from '@nestjs/swagger';
import { messageId } from '@houston/common/webhooks/delivery-message.js';
import type { AttemptResponseRow, AttemptRow, DeliveryRow } from './webhook.row.js';

export class AttemptView {
  @ApiProperty({ example: 1 })
  number: number;

  @ApiProperty({ enum: ['automatic', 'manual'] })
  trigger: string;

  @ApiProperty({ format: 'date-time' })
  at: string;

  @ApiProperty({ example: 128, nullable: true, type: Number, description: 'null: cut off, its outcome is not known' })
  durationMs: number | null;

  @ApiProperty({ example: 503, required: false, description: 'HTTP status, where there was an answer' })
  status?: number;

  @ApiProperty({
    example: 'http_error',
    required: false,
    description:
      'Why it failed: `http_error`, `redirect`, `timeout`, `dns_error`, `connection_refused`, `connection_reset`, `unreachable`, `tls_error`, `protocol_error`, `blocked_address`, `invalid_url`, `interrupted`',
  })
  errorClass?: string;
}

export class AttemptResponseView extends AttemptView {
  @ApiProperty({ nullable: true, type: String, description: 'The start of the answer, at most 20 kB' })
  response: string | null;

  @ApiProperty({ description: 'The answer was longer than what is kept' })
  responseTruncated: boolean;
}

export class DeliveryView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ format: 'uuid' })
  eventId: string;

  @ApiProperty({ example: 'msg_0199f1c2a5d37000b1f4d1c5a7e3b2f0', description: 'The `webhook-id` of every attempt' })
  messageId: string;

  @ApiProperty({ example: 'budget.threshold_crossed' })
  type: string;

  @ApiProperty({ enum: ['pending', 'delivered', 'exhausted'] })
  status: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  nextAttemptAt: string | null;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ type: [AttemptView] })
  attempts: AttemptView[];
}

export class DeliveryDetailView extends DeliveryView {
  @ApiProperty({
    description: 'What is sent, byte for byte',
    example: '{"type":"budget.frozen","timestamp":"…","data":{}}',
  })
  body: string;

  @ApiProperty({ type: [AttemptResponseView] })
  declare attempts: AttemptResponseView[];
}

export function deliveryView<Attempt>(row: DeliveryRow, attempts: Attempt[]) {
  return {
    id: row.id,
    eventId: row.event_id,
    messageId: messageId(row.event_id),
    type: row.type,
    status: row.status,
    nextAttemptAt: row.due_at?.toISOString() ?? null,
    createdAt: row.created_at.toISOString(),
    attempts,
  };
}

export function attemptView(row: AttemptRow): AttemptView {
  return {
    number: row.number,
    trigger: row.trigger,
    at: row.at.toISOString(),
    durationMs: row.duration_ms,
    ...(row.status === null ? {} : { status: row.status }),
    ...(row.error_class === null ? {} : { errorClass: row.error_class }),
  };
}

export function attemptResponseView(row: AttemptResponseRow): AttemptResponseView {
  return { ...attemptView(row), response: row.response, responseTruncated: row.response_truncated };
}
