import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsIn,
  IsISO8601,
  IsOptional,
  IsString,
  MaxLength,
} from 'class-validator';
import { MAX_NAME, TRIGGERS } from '../executions/execution.dto.js';
import { IsTimeZone } from '../http/json-fields.js';

export const COST_KEYS = [
  'agent',
  'model',
  'provider',
  'workspace',
  'trigger',
  'hour',
  'day',
  'week',
  'month',
] as const;
export type CostKey = (typeof COST_KEYS)[number];

export class CostsQuery {
  @ApiPropertyOptional({
    type: String,
    description: `One or two of ${COST_KEYS.join(', ')}, separated by a comma`,
    default: 'day',
    example: 'day,agent',
  })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (typeof value === 'string' ? value.split(',') : value))
  @IsIn(COST_KEYS, { each: true, message: `Name one or two of ${COST_KEYS.join(', ')}.` })
  @ArrayUnique({ message: 'Name each only once.' })
  @ArrayMinSize(1)
  @ArrayMaxSize(2, { message: 'Name two at the most.' })
  groupBy: CostKey[] = ['day'];

  @ApiPropertyOptional({
    description: 'Executions that started at or after; without an offset: in `timezone`. Default: 30 days before `to`',
    example: '2026-11-01',
  })
  @IsOptional()
  @IsISO8601({ strict: true })
  from?: string;

  @ApiPropertyOptional({ description: 'Executions that started before. Default: now', example: '2026-12-01' })
  @IsOptional()
  @IsISO8601({ strict: true })
  to?: string;

  @ApiPropertyOptional({ description: "Where days begin. Default: the workspace's time zone", example: 'Europe/Paris' })
  @IsOptional()
  @IsTimeZone()
  timezone?: string;

  @ApiPropertyOptional({ description: 'Only this agent: its name or id' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  model?: string;

  @ApiPropertyOptional()
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  provider?: string;

  @ApiPropertyOptional({ enum: TRIGGERS })
  @IsOptional()
  @IsIn(TRIGGERS)
  trigger?: string;

  @ApiPropertyOptional({
    enum: ['workspace', 'organization'],
    default: 'workspace',
    description: 'All workspaces together; for keys of the whole organization. Grouping by workspace needs it',
  })
  @IsOptional()
  @IsIn(['workspace', 'organization'])
  scope: 'workspace' | 'organization' = 'workspace';
}

export class CostTotals {
  @ApiProperty({ example: 1742, description: 'Finished ones; what was denied or still runs is not counted' })
  executions: number;

  @ApiProperty({ example: 2090400 })
  inputTokens: number;

  @ApiProperty({ example: 609700 })
  outputTokens: number;

  @ApiProperty({ example: '12.038215' })
  costUsd: string;
}

export class CostRow extends CostTotals {
  @ApiPropertyOptional({ example: '2026-11-21', description: 'Local date' })
  day?: string;

  @ApiPropertyOptional({ example: 'researcher' })
  agent?: string;

  @ApiPropertyOptional({ example: 'gpt-4o-mini' })
  model?: string;

  @ApiPropertyOptional({ example: 'openai' })
  provider?: string;

  @ApiPropertyOptional({ example: 'default', description: 'Slug' })
  workspace?: string;

  @ApiPropertyOptional({ enum: TRIGGERS })
  trigger?: string;

  @ApiPropertyOptional({ example: '2026-11-21T09:00:00+01:00', description: 'When the local hour begins' })
  hour?: string;

  @ApiPropertyOptional({ example: '2026-11-16', description: 'Local date of its Monday' })
  week?: string;

  @ApiPropertyOptional({ example: '2026-11' })
  month?: string;
}

export class PreviousCosts {
  @ApiProperty({ example: '2026-10-02T00:00:00.000Z' })
  from: string;

  @ApiProperty({ example: '2026-11-01T00:00:00.000Z' })
  to: string;

  @ApiProperty({ type: CostTotals })
  totals: CostTotals;
}

export class CostsView {
  @ApiProperty({ example: '2026-11-01T00:00:00.000Z' })
  from: string;

  @ApiProperty({ example: '2026-12-01T00:00:00.000Z' })
  to: string;

  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;

  @ApiProperty({ example: ['day'], enum: COST_KEYS, isArray: true })
  groupBy: CostKey[];

  @ApiProperty({ type: [CostRow], description: 'By time where grouped by time, otherwise the dearest first' })
  rows: CostRow[];

  @ApiProperty({ type: CostTotals })
  totals: CostTotals;

  @ApiProperty({ type: PreviousCosts, description: 'The span of equal length before' })
  previous: PreviousCosts;
}
