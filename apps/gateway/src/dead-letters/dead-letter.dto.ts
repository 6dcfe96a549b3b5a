import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional } from 'class-validator';
import { PageQuery } from '../http/page.js';

export const DEAD_LETTER_STATUSES = ['open', 'replayed', 'discarded'] as const;

export class DeadLettersQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DEAD_LETTER_STATUSES, default: 'open' })
  @IsOptional()
  @IsIn(DEAD_LETTER_STATUSES)
  status: (typeof DEAD_LETTER_STATUSES)[number] = 'open';
}
