import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Transform, Type } from 'class-transformer';
import {
  ArrayMaxSize,
  ArrayUnique,
  IsArray,
  IsBoolean,
  IsIn,
  IsInt,
  IsObject,
  IsOptional,
  IsString,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { AGENT_LEVELS, AGENT_LIFECYCLES, AGENT_STATES, TOKEN_PROFILES } from '@houston/common/domain/agent-states.js';
import { IsMetadata } from '../http/json-fields.js';
import { UsdField } from '../http/money.js';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { BreakerDto } from './breaker.dto.js';
import { CapabilityDto, capabilityOf } from './capability.dto.js';
import { WeeklyHoursDto } from './weekly-hours.dto.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const MAX_DESCRIPTION = 4_000;
const MAX_LIST = 100;
export const MAX_CONCURRENT = 1_000;

/** What may be said of an agent when it is created, and changed later. */
class AgentFields {
  @ApiPropertyOptional({ example: '1.4.0', default: '1.0.0', description: "The agent's own version, in any style" })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(64)
  version?: string;

  @ApiPropertyOptional({ example: 'Reads papers and writes summaries', default: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description?: string;

  @ApiPropertyOptional({ example: 'researcher', default: '' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_NAME)
  role?: string;

  @ApiPropertyOptional({ enum: AGENT_LEVELS, default: 'specialist' })
  @MayBeAbsent()
  @IsIn(AGENT_LEVELS)
  level?: (typeof AGENT_LEVELS)[number];

  @ApiPropertyOptional({
    type: [CapabilityDto],
    default: [],
    example: [{ name: 'research', level: 4 }],
    description: 'What it can do; a bare name stands for level 3',
  })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @ArrayUnique((capability: CapabilityDto) => capability?.name)
  @ValidateNested({ each: true })
  @Type(() => CapabilityDto)
  @Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value.map(capabilityOf) : value))
  capabilities?: CapabilityDto[];

  @ApiPropertyOptional({ example: 2, default: 1, minimum: 1, maximum: MAX_CONCURRENT, description: 'Tasks at once' })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(MAX_CONCURRENT)
  maxConcurrent?: number;

  @ApiPropertyOptional({ type: [String], example: ['gpt-4o'], default: [] })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @ArrayUnique()
  @IsString({ each: true })
  @NotBlank({ each: true })
  @MaxLength(MAX_NAME, { each: true })
  models?: string[];

  @ApiPropertyOptional({ example: 'openai', nullable: true, type: String, description: 'Whose quota it lives on' })
  @MayBeNull()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  provider?: string | null;

  @UsdField({ required: false, nullable: true, example: '0.05', description: 'What a task usually costs' })
  @MayBeNull()
  costPerTaskUsd?: bigint | null;

  @ApiPropertyOptional({ example: 'agent:research:main', nullable: true, type: String })
  @MayBeNull()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  sessionKey?: string | null;

  @ApiPropertyOptional({ enum: TOKEN_PROFILES, default: 'normal' })
  @MayBeAbsent()
  @IsIn(TOKEN_PROFILES)
  tokenProfile?: (typeof TOKEN_PROFILES)[number];

  @ApiPropertyOptional({ type: Object, example: { maxOutputTokens: 4096 }, default: {}, description: 'For the agent' })
  @MayBeAbsent()
  @IsMetadata()
  limits?: Record<string, unknown>;

  @ApiPropertyOptional({ type: [String], example: ['librarian'], default: [], description: 'Agents, by name or id' })
  @MayBeAbsent()
  @IsArray()
  @ArrayMaxSize(MAX_LIST)
  @IsString({ each: true })
  @MaxLength(MAX_NAME, { each: true })
  dependsOn?: string[];

  @ApiPropertyOptional({ enum: AGENT_LIFECYCLES, default: 'active', description: '`deprecated` gets no new work' })
  @MayBeAbsent()
  @IsIn(AGENT_LIFECYCLES)
  lifecycle?: (typeof AGENT_LIFECYCLES)[number];

  @ApiPropertyOptional({
    example: 'researcher-2',
    nullable: true,
    type: String,
    description: "A deprecated agent's successor, by name or id",
  })
  @MayBeNull()
  @IsString()
  @MaxLength(MAX_NAME)
  replacedBy?: string | null;

  @ApiPropertyOptional({ default: true, description: 'false: no new work, and what it has on lease returns' })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional({ type: WeeklyHoursDto, nullable: true, description: 'When it works; null: always' })
  @MayBeNull()
  @IsObject()
  @ValidateNested()
  @Type(() => WeeklyHoursDto)
  weekly?: WeeklyHoursDto | null;

  @ApiPropertyOptional({ type: BreakerDto, nullable: true, description: 'When it gets no work; null: the defaults' })
  @MayBeNull()
  @IsObject()
  @ValidateNested()
  @Type(() => BreakerDto)
  breaker?: BreakerDto | null;

  @ApiPropertyOptional({ example: { owner: 'ana' }, description: 'Any JSON object up to 16 kB', default: {} })
  @MayBeAbsent()
  @IsMetadata()
  metadata?: Record<string, unknown>;
}

export class CreateAgentDto extends AgentFields {
  @ApiProperty({ example: 'researcher', description: 'Unique in the organization; never changes' })
  @IsString()
  @NotBlank()
  @MaxLength(MAX_NAME)
  name: string;
}

export class UpdateAgentDto extends AgentFields {
  @MayBeAbsent()
  @IsIn([], { message: "An agent's name never changes, because its executions and budgets go by it." })
  name?: never;
}

export class AgentsQuery extends PageQuery {
  @ApiPropertyOptional({ description: 'A part of the name, the description or the role' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  q?: string;

  @ApiPropertyOptional({ example: 'research', description: 'Agents that can do this' })
  @IsOptional()
  @IsString()
  @MaxLength(100)
  capability?: string;

  @ApiPropertyOptional({ enum: AGENT_STATES, description: 'What it is doing' })
  @IsOptional()
  @IsIn(AGENT_STATES)
  status?: (typeof AGENT_STATES)[number];

  @ApiPropertyOptional({ enum: AGENT_STATES, description: 'The same as `status`' })
  @IsOptional()
  @IsIn(AGENT_STATES)
  state?: (typeof AGENT_STATES)[number];

  @ApiPropertyOptional({ enum: AGENT_LIFECYCLES })
  @IsOptional()
  @IsIn(AGENT_LIFECYCLES)
  lifecycle?: (typeof AGENT_LIFECYCLES)[number];
}
