import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, Matches } from 'class-validator';
import { TypeFilter } from '../events/event.dto.js';

const SEQ = /^\d{1,18}$/;

export class StreamQuery extends TypeFilter {
  @ApiPropertyOptional({
    description:
      'Continue after this seq, 0 being the beginning; the header Last-Event-ID, where it is sent, comes first',
    example: '4711',
  })
  @IsOptional()
  @Matches(SEQ, { message: 'Give the seq of an event.' })
  lastEventId?: string;
}
