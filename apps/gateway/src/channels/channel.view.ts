import { ApiProperty } from '@nestjs/swagger';
import type { ChannelRow } from './channel.row.js';

export class ChannelView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'ops' })
  name: string;

  @ApiProperty({ enum: ['slack', 'email'] })
  kind: string;

  @ApiProperty({ example: 'ops@example.com', nullable: true, type: String, description: 'Of an email channel' })
  to: string | null;

  @ApiProperty({ type: [String], example: ['budget.*'] })
  events: string[];

  @ApiProperty({ enum: ['enabled', 'disabled'] })
  status: string;

  @ApiProperty({ enum: ['by_user', 'unsubscribed'], nullable: true, type: String })
  disabledReason: string | null;

  @ApiProperty({ description: 'Requests for approval get buttons there' })
  hasSigningSecret: boolean;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function channelView(row: ChannelRow): ChannelView {
  return {
    id: row.id,
    name: row.name,
    kind: row.kind,
    to: row.address,
    events: row.events,
    status: row.status,
    disabledReason: row.disabled_reason,
    hasSigningSecret: row.has_signing_secret,
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
