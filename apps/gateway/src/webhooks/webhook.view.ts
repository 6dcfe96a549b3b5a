import { ApiProperty } from '@nestjs/swagger';
import type { WebhookRow } from './webhook.row.js';

export class WebhookView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'https://example.com/houston' })
  url: string;

  @ApiProperty({ type: [String], example: ['budget.*'] })
  events: string[];

  @ApiProperty({ example: 'Budget alerts into the team chat' })
  description: string;

  @ApiProperty({ enum: ['enabled', 'disabled'] })
  status: string;

  @ApiProperty({
    enum: ['by_user', 'gone', 'failing'],
    nullable: true,
    type: String,
    description: '`gone`: it answered 410; `failing`: nothing arrived for five days',
  })
  disabledReason: string | null;

  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'First failure since the last success',
  })
  failingSince: string | null;

  @ApiProperty({ example: 0, description: 'Failed attempts since the last success' })
  consecutiveFailures: number;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export class SecretView {
  @ApiProperty({ example: 'whsec_…', description: 'Shown once. Verify with any Standard Webhooks library' })
  secret: string;
}

export class CreatedWebhookView extends WebhookView {
  @ApiProperty({ example: 'whsec_…', description: 'Shown once. Verify with any Standard Webhooks library' })
  secret: string;
}

export class TestView {
  @ApiProperty({ format: 'uuid' })
  deliveryId: string;
}

export function webhookView(row: WebhookRow): WebhookView {
  return {
    id: row.id,
    url: row.url,
    events: row.events,
    description: row.description,
    status: row.status,
    disabledReason: row.disabled_reason,
    failingSince: row.failing_since?.toISOString() ?? null,
    consecutiveFailures: row.consecutive_failures,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
