import { RANKING_STRATEGIES, type RankingStrategy } from '@houston/common/domain/ranking.js';
import { ApiProperty } from '@nestjs/swagger';
import type { AnomalySettings } from '@houston/common/domain/anomalies.js';
import type { ApprovalThresholds } from '@houston/common/domain/approval-policy.js';
import type { WorkspaceEntity } from '@houston/common/db/entities/workspace.entity.js';
import { UNKNOWN_PRICE_POLICIES, type UnknownPricePolicy } from '@houston/common/domain/unknown-price.js';
import {
  DEFAULT_SLO_TIERS,
  type Features,
  type MessageSettings,
  type StandupSettings,
  workspaceSettings,
} from '@houston/common/domain/workspace-settings.js';

export class WorkspaceSettingsView {
  @ApiProperty({ example: true })
  autoRegisterAgents: boolean;

  @ApiProperty({ enum: UNKNOWN_PRICE_POLICIES, nullable: true, example: null })
  unknownPrice: UnknownPricePolicy | null;

  @ApiProperty({ example: 30 })
  leaseTtlSeconds: number;

  @ApiProperty({ example: 300 })
  progressTimeoutSeconds: number;

  @ApiProperty({ enum: RANKING_STRATEGIES, example: 'balanced' })
  assignmentStrategy: RankingStrategy;

  @ApiProperty({ example: 3 })
  poisonAfter: number;

  @ApiProperty({ type: Object, example: DEFAULT_SLO_TIERS, description: 'Service levels by name, in seconds' })
  sloTiers: Readonly<Record<string, number>>;

  @ApiProperty({ type: Object, example: { perMinute: 10, expireAfterDays: 30 } })
  messages: MessageSettings;

  @ApiProperty({
    type: Object,
    example: { autoSubscribe: true, notifications: true, standups: true, heartbeats: true },
  })
  features: Features;

  @ApiProperty({ type: Object, example: { enabled: true, cron: '0 9 * * *', timezone: null } })
  standup: StandupSettings;

  @ApiProperty({ type: Object, example: { autoApproveAbove: 80, blockBelow: 60 } })
  approvals: ApprovalThresholds;

  @ApiProperty({
    type: Object,
    example: { mode: 'flag', spendFactor: 3, repeatedCalls: 100, denials: 50, freezeMinutes: 60 },
  })
  anomalies: AnomalySettings;
}

export class WorkspaceView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'research' })
  slug: string;

  @ApiProperty({ example: 'Research' })
  name: string;

  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;

  @ApiProperty({ type: WorkspaceSettingsView, description: 'In force, defaults included' })
  settings: WorkspaceSettingsView;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function workspaceView(workspace: WorkspaceEntity): WorkspaceView {
  const { id, slug, name, timezone, settings, createdAt, updatedAt } = workspace;
  return {
    ...{ id, slug, name, timezone, settings: workspaceSettings(settings) },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
