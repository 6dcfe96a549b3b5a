import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import {
  IsBoolean,
  IsIn,
  IsInt,
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
  MESSAGE_DAYS,
  MESSAGES_PER_MINUTE,
  POISON_AFTER,
  PROGRESS_TIMEOUT_SECONDS,
  STANDUP_CRON,
} from '@houston/common/domain/workspace-settings.js';
import { IsCron, IsTimeZone } from '../http/json-fields.js';
import { MayBeAbsent, MayBeNull } from '../http/optional.js';
import { RANKING_STRATEGIES, type RankingStrategy } from '@houston/common/domain/ranking.js';
import { AnomalySettingsDto, ApprovalSettingsDto } from './safety-settings.dto.js';
import { IsSloTiers } from './slo-tiers.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_NAME = 200;
const SLUG = /^[a-z0-9][a-z0-9-]{0,62}$/;
const SLUG_RULE = 'Use 1 to 63 of a-z, 0-9 and "-", not beginning with "-".';

export class MessageSettingsDto {
  @ApiPropertyOptional({
    minimum: MESSAGES_PER_MINUTE.least,
    maximum: MESSAGES_PER_MINUTE.most,
    default: MESSAGES_PER_MINUTE.default,
    description: 'How many direct messages an agent may send within 60 s',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(MESSAGES_PER_MINUTE.least)
  @Max(MESSAGES_PER_MINUTE.most)
  perMinute?: number;

  @ApiPropertyOptional({
    minimum: MESSAGE_DAYS.least,
    maximum: MESSAGE_DAYS.most,
    default: MESSAGE_DAYS.default,
    description: 'After how many days a direct message is forgotten',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(MESSAGE_DAYS.least)
  @Max(MESSAGE_DAYS.most)
  expireAfterDays?: number;
}

export class FeaturesDto {
  @ApiPropertyOptional({
    default: true,
    description: 'Whoever is given a task, posts in its thread or is mentioned there follows it from then on',
  })
  @MayBeAbsent()
  @IsBoolean()
  autoSubscribe?: boolean;

  @ApiPropertyOptional({ default: true, description: 'Notifications are sent; off, they wait and nothing is lost' })
  @MayBeAbsent()
  @IsBoolean()
  notifications?: boolean;

  @ApiPropertyOptional({
    default: true,
    description: 'Stand-ups are sent; off, they are kept, and the latest goes out when it is on again',
  })
  @MayBeAbsent()
  @IsBoolean()
  standups?: boolean;

  @ApiPropertyOptional({
    default: true,
    description:
      'A heartbeat of a lease is a sign of life of its agent; off, it extends the lease and says nothing else',
  })
  @MayBeAbsent()
  @IsBoolean()
  heartbeats?: boolean;
}

export class StandupSettingsDto {
  @ApiPropertyOptional({ default: true })
  @MayBeAbsent()
  @IsBoolean()
  enabled?: boolean;

  @ApiPropertyOptional({ default: STANDUP_CRON, example: '30 9 * * MON-FRI', description: 'Five fields' })
  @MayBeAbsent()
  @IsCron()
  cron?: string;

  @ApiPropertyOptional({
    example: 'Europe/Paris',
    type: String,
    nullable: true,
    description: 'IANA zone in which it is meant; null: that of the workspace',
  })
  @MayBeNull()
  @IsTimeZone()
  timezone?: string | null;
}

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
    enum: RANKING_STRATEGIES,
    default: 'balanced',
    description:
      'Which of the able agents that are connected and free is offered a task first; those that are as good take turns',
  })
  @MayBeAbsent()
  @IsIn(RANKING_STRATEGIES)
  assignmentStrategy?: RankingStrategy;

  @ApiPropertyOptional({
    minimum: POISON_AFTER.least,
    maximum: POISON_AFTER.most,
    default: POISON_AFTER.default,
    description: 'After how many attempts in a row whose agents vanished a task becomes a dead letter `poison`',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(POISON_AFTER.least)
  @Max(POISON_AFTER.most)
  poisonAfter?: number;

  @ApiPropertyOptional({
    type: Object,
    nullable: true,
    example: { gold: 600, silver: 3600 },
    description: `Service levels that tasks name as \`slaTier\`: seconds from a task's creation, by name; all of them at once. null: ${JSON.stringify(DEFAULT_SLO_TIERS)}`,
  })
  @IsOptional()
  @IsSloTiers()
  sloTiers?: Record<string, number> | null;

  @ApiPropertyOptional({ type: MessageSettingsDto })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => MessageSettingsDto)
  messages?: MessageSettingsDto;

  @ApiPropertyOptional({ type: FeaturesDto, description: 'What can be switched off; switching off loses nothing' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => FeaturesDto)
  features?: FeaturesDto;

  @ApiPropertyOptional({ type: StandupSettingsDto, description: 'When the workspace tells what it did within a day' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => StandupSettingsDto)
  standup?: StandupSettingsDto;

  @ApiPropertyOptional({ type: ApprovalSettingsDto, description: 'What is named changes, the rest stays' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => ApprovalSettingsDto)
  approvals?: ApprovalSettingsDto;

  @ApiPropertyOptional({ type: AnomalySettingsDto, description: 'What is named changes, the rest stays' })
  @MayBeAbsent()
  @IsObject()
  @ValidateNested()
  @Type(() => AnomalySettingsDto)
  anomalies?: AnomalySettingsDto;
}

export class CreateWorkspaceDto {
  @ApiProperty({ example: 'Research' })
  @IsString()
  @NotBlank()
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
  @NotBlank()
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
