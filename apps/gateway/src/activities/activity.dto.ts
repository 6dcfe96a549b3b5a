import { ApiPropertyOptional, PickType } from '@nestjs/swagger';
import { IsUUID } from 'class-validator';
import { EventsQuery } from '../events/event.dto.js';
import { MayBeAbsent } from '../http/optional.js';

export class ActivitiesQuery extends PickType(EventsQuery, ['limit', 'cursor', 'type', 'from', 'to'] as const) {
  @ApiPropertyOptional({ format: 'uuid', description: 'Of this task only' })
  @MayBeAbsent()
  @IsUUID('all')
  taskId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'Done by this agent or about it' })
  @MayBeAbsent()
  @IsUUID('all')
  agentId?: string;
}
