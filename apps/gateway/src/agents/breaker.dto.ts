import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsNumber, Max, Min } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';

/** When an agent counts as failing or deaf, and for how long it then gets no work. What is left out is as by default. */
export class BreakerDto {
  @ApiPropertyOptional({ example: 0.5, default: 0.5, minimum: 0.01, maximum: 1, description: 'Share of its tasks' })
  @MayBeAbsent()
  @IsNumber()
  @Min(0.01)
  @Max(1)
  failureRate?: number;

  @ApiPropertyOptional({ default: 5, minimum: 1, maximum: 100, description: 'With fewer tasks it is not judged' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(100)
  minimumTasks?: number;

  @ApiPropertyOptional({ default: 600, minimum: 1, maximum: 86_400, description: 'How far back tasks count' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(86_400)
  windowSeconds?: number;

  @ApiPropertyOptional({
    ...{ default: 120, minimum: 1, maximum: 3_600 },
    description: 'Before its trial; twice as long after each trial that fails, up to an hour',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(3_600)
  openSeconds?: number;

  @ApiPropertyOptional({ default: 3, minimum: 1, maximum: 100, description: 'In a row: then it is deaf' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(100)
  unansweredOffers?: number;
}
