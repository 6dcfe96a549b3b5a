import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsUUID, Matches } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';

const WINDOW = /^[1-9]\d{0,5}(s|m|h|d)$/;

export class GraphQuery {
  @ApiPropertyOptional({ example: '1h', default: '1h', description: 'How far to look back: 30s, 15m, 1h, up to 30d' })
  @MayBeAbsent()
  @Matches(WINDOW, { message: 'Write a whole number and a unit such as 30s, 15m, 1h or 7d.' })
  window: string = '1h';

  @ApiPropertyOptional({ format: 'uuid', description: 'Only what passed about this task' })
  @MayBeAbsent()
  @IsUUID('all')
  taskId?: string;
}
