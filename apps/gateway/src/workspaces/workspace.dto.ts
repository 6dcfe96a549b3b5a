import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
  IsNotEmpty,
  IsObject,
  IsOptional,
  IsString,
  Matches,
  Max,
  MaxLength,
  Min,
  ValidateNested,
} from 'class-validator';
import { UNKNOWN_PRICE_POLICIES, type UnknownPricePolicy } from '@houston/common/domain/unknown-price.js';
import {
  DEFAULT_SLO_TIERS,
  LEASE_TTL_SECONDS,
  PROGRESS_TIMEOUT_SECONDS,
} from '@houston/common/domain/workspace-settings.js';
import { IsTimeZone } from '../http/json-fields.js';
import { IsSloTiers } from './slo-tiers.js';
import { MayBeAbsent } from '../http/optional.js';

const MAX_NAME = 200;
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SLUG_RULE = 'Use 1 to 63 of a-z, 0-9 and "-", not beginning with "-".';

export class WorkspaceSettingsDto {
  @ApiPropertyOptional({ default: true, description: "An unknown agent's name in an execution registers the agent" })
  @MayBeAbsent()
  @IsBoolean()
  autoRegisterAgents?: boolean;

  @ApiPropertyOptional({
    enum: UNKNOWN_PRICE_POLICIES,
    nullable: true,
    description:
      'A model without a known price: deny the run, price it as the dearest model known, or let it pass and flag it. null: deny where a budget enforces, else flag',
  })
  @IsOptional()
  @IsIn(UNKNOWN_PRICE_POLICIES)
  unknownPrice?: UnknownPricePolicy | null;

  @ApiPropertyOptional({
    minimum: LEASE_TTL_SECONDS.least,
    maximum: LEASE_TTL_SECONDS.most,
    default: LEASE_TTL_SECONDS.default,
    description: 'How long a lease of a task lives without a heartbeat',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(LEASE_TTL_SECONDS.least)
  @Max(LEASE_TTL_SECONDS.most)
  leaseTtlSeconds?: number;

  @ApiPropertyOptional({
    minimum: PROGRESS_TIMEOUT_SECONDS.least,
    maximum: PROGRESS_TIMEOUT_SECONDS.most,
    default: PROGRESS_TIMEOUT_SECONDS.default,
    description: 'After how long without progress a task is taken back, heartbeats or not',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(PROGRESS_TIMEOUT_SECONDS.least)
  @Max(PROGRESS_TIMEOUT_SECONDS.most)
  progressTimeoutSeconds?: number;

  @ApiPropertyOptional({
    type: Object,
    nullable: true,
    example: { gold: 600, silver: 3600 },
    description: `Service levels that tasks name as \`slaTier\`: seconds from a task's creation, by name; all of them at once. null: ${JSON.stringify(DEFAULT_SLO_TIERS)}`,
  })
  @IsOptional()
  @IsSloTiers()
  sloTiers?: Record<string, number> | null;
}

export class CreateWorkspaceDto {
  @ApiProperty({ example: 'Research' })
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_NAME)
  name: string;

  @ApiPropertyOptional({ example: 'research', description: 'Its name in X-Workspace; default: made from the name' })
  @MayBeAbsent()
  @Matches(SLUG, { message: SLUG_RULE })
  slug?: string;

  @ApiPropertyOptional({ example: 'Europe/Paris', default: 'UTC', description: 'IANA zone of its new budgets' })
  @MayBeAbsent()
  @IsTimeZone()
  timezone: string = 'UTC';

  @ApiPropertyOptional({ type: WorkspaceSettingsDto })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => WorkspaceSettingsDto)
  settings: WorkspaceSettingsDto = {};
}

export class UpdateWorkspaceDto {
  @ApiPropertyOptional({ example: 'Research' })
  @MayBeAbsent()
  @IsString()
  @IsNotEmpty()
  @MaxLength(MAX_NAME)
  name?: string;

  @ApiPropertyOptional({ example: 'Europe/Paris', description: 'For new budgets; those that exist keep theirs' })
  @MayBeAbsent()
  @IsTimeZone()
  timezone?: string;

  @ApiPropertyOptional({ type: WorkspaceSettingsDto, description: 'What is named changes, the rest stays' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => WorkspaceSettingsDto)
  settings?: WorkspaceSettingsDto;
}
