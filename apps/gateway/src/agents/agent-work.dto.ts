import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsObject, IsOptional, IsString, Max, MaxLength, Min, ValidateNested } from 'class-validator';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';
import { MAX_CONCURRENT } from './agent.dto.js';
import { WeeklyHoursDto } from './weekly-hours.dto.js';

export class SetCapacityDto {
  @ApiPropertyOptional({ example: 2, minimum: 1, maximum: MAX_CONCURRENT, description: 'Tasks at once' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_CONCURRENT)
  maxConcurrent?: number;

  @ApiPropertyOptional({ type: WeeklyHoursDto, nullable: true, description: 'When it works; null: always' })
  @MayBeNull()
  @IsObject()
  @ValidateNested()
  @Type(() => WeeklyHoursDto)
  weekly?: WeeklyHoursDto | null;
}

export class HaltDto {
  @ApiPropertyOptional({ example: 'Model upgrade', description: 'Kept in the ledger' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(1_000)
  reason?: string;
}

export class MetricsQuery {
  @ApiPropertyOptional({ description: 'How far back', minimum: 1, maximum: 365, default: 30 })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(365)
  days: number = 30;
}
