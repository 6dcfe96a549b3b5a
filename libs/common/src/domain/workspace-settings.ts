import { ANOMALY_RANGES, type AnomalySettings, isAnomalyMode } from './anomalies.js';
import { APPROVAL_THRESHOLDS, type ApprovalThresholds } from './approval-policy.js';
import { isRankingStrategy, type RankingStrategy } from './ranking.js';
import { isUnknownPricePolicy, type UnknownPricePolicy } from './unknown-price.js';

/** What a workspace can set for itself. */
export interface WorkspaceSettings {
  /** An unknown agent's name in an execution registers the agent. Default: true. */
  autoRegisterAgents: boolean;
  /** What happens to a run whose model has no known price. Default: null, deny where an enforcing budget matches, else flag. */
  unknownPrice: UnknownPricePolicy | null;
  /** How long a lease of a task lives without a heartbeat, in seconds: 2 to 3600. Default: 30. */
  leaseTtlSeconds: number;
  /** After how long without progress a task is taken back, in seconds: 2 to 86400. Default: 300. */
  progressTimeoutSeconds: number;
  /** Which of the able agents that are connected and free is offered a task first. Default: balanced. */
  assignmentStrategy: RankingStrategy;
  /** After how many attempts in a row whose agents vanished a task is given up: 2 to 1000. Default: 3. */
  poisonAfter: number;
  /** Service levels by name, in seconds from a task's creation. Default: one for each priority. */
  sloTiers: Readonly<Record<string, number>>;
  messages: MessageSettings;
  features: Features;
  standup: StandupSettings;
  approvals: ApprovalThresholds;
  anomalies: AnomalySettings;
}

export interface MessageSettings {
  /** How many direct messages an agent may send within 60 s: 1 to 1000. Default: 10. */
  perMinute: number;
  /** After how many days a direct message is forgotten: 1 to 365. Default: 30. */
  expireAfterDays: number;
}

/** What can be switched off; all is on by default. Switching one off loses nothing. */
export interface Features {
  /** Whoever is given a task, posts in its thread or is mentioned there follows it from then on. */
  autoSubscribe: boolean;
  /** Notifications are sent. Off, they wait, and go out when it is on again. */
  notifications: boolean;
  /** Stand-ups are sent. Off, they are made and kept, and the latest goes out when it is on again. */
  standups: boolean;
  /** A heartbeat of a lease is a sign of life of its agent. Off, it extends the lease and says nothing else. */
  heartbeats: boolean;
}

/** When the workspace tells what it did within a day. */
export interface StandupSettings {
  /** Default: true. */
  enabled: boolean;
  /** Five fields. Default: every morning at nine. */
  cron: string;
  /** IANA zone in which the expression is meant. Null, the default: the workspace's own. */
  timezone: string | null;
}

/** As `default_slo_tiers` in the database has them. */
export const DEFAULT_SLO_TIERS: Readonly<Record<string, number>> = {
  urgent: 3_600,
  high: 14_400,
  normal: 86_400,
  low: 604_800,
};
export const SLO_TIERS = { most: 20, longestName: 50, mostSeconds: 31_536_000 } as const;

export const LEASE_TTL_SECONDS = { least: 2, most: 3_600, default: 30 } as const;
export const PROGRESS_TIMEOUT_SECONDS = { least: 2, most: 86_400, default: 300 } as const;
export const POISON_AFTER = { least: 2, most: 1_000, default: 5 } as const;
export const MESSAGES_PER_MINUTE = { least: 1, most: 1_000, default: 10 } as const;
export const STANDUP_CRON = '0 9 * * *';
export const MESSAGE_DAYS = { least: 1, most: 365, default: 30 } as const;

/** The settings in force: what is stored, and defaults for the rest. */
export function workspaceSettings(stored: Record<string, unknown>): WorkspaceSettings {
  return {
    autoRegisterAgents: typeof stored.autoRegisterAgents === 'boolean' ? stored.autoRegisterAgents : true,
    unknownPrice: isUnknownPricePolicy(stored.unknownPrice) ? stored.unknownPrice : null,
    leaseTtlSeconds: whole(stored.leaseTtlSeconds, LEASE_TTL_SECONDS),
    progressTimeoutSeconds: whole(stored.progressTimeoutSeconds, PROGRESS_TIMEOUT_SECONDS),
    assignmentStrategy: isRankingStrategy(stored.assignmentStrategy) ? stored.assignmentStrategy : 'balanced',
    poisonAfter: whole(stored.poisonAfter, POISON_AFTER),
    sloTiers: isSloTiers(stored.sloTiers) ? stored.sloTiers : DEFAULT_SLO_TIERS,
    messages: messageSettings(group(stored.messages)),
    features: featuresOf(stored),
    standup: standupSettings(group(stored.standup)),
    approvals: approvalThresholds(group(stored.approvals)),
    anomalies: anomalySettings(group(stored.anomalies)),
  };
}

function messageSettings(stored: Record<string, unknown>): MessageSettings {
  return {
    perMinute: whole(stored.perMinute, MESSAGES_PER_MINUTE),
    expireAfterDays: whole(stored.expireAfterDays, MESSAGE_DAYS),
  };
}

/** What is on, by the settings of a workspace as they are stored. */
export function featuresOf(stored: Record<string, unknown>): Features {
  const { autoSubscribe, notifications, standups, heartbeats } = group(stored.features);
  return {
    autoSubscribe: autoSubscribe !== false,
    notifications: notifications !== false,
    standups: standups !== false,
    heartbeats: heartbeats !== false,
  };
}

function standupSettings({ enabled, cron, timezone }: Record<string, unknown>): StandupSettings {
  return {
    enabled: enabled !== false,
    cron: typeof cron === 'string' ? cron : STANDUP_CRON,
    timezone: typeof timezone === 'string' ? timezone : null,
  };
}

function approvalThresholds({ autoApproveAbove, blockBelow }: Record<string, unknown>): ApprovalThresholds {
  return {
    autoApproveAbove: typeof autoApproveAbove === 'number' ? autoApproveAbove : APPROVAL_THRESHOLDS.autoApproveAbove,
    blockBelow: typeof blockBelow === 'number' ? blockBelow : APPROVAL_THRESHOLDS.blockBelow,
  };
}

function anomalySettings({ mode, spendFactor, ...stored }: Record<string, unknown>): AnomalySettings {
  return {
    mode: isAnomalyMode(mode) ? mode : 'flag',
    spendFactor: typeof spendFactor === 'number' ? spendFactor : ANOMALY_RANGES.spendFactor.default,
    repeatedCalls: whole(stored.repeatedCalls, ANOMALY_RANGES.repeatedCalls),
    denials: whole(stored.denials, ANOMALY_RANGES.denials),
    freezeMinutes: whole(stored.freezeMinutes, ANOMALY_RANGES.freezeMinutes),
  };
}

/** Settings that are stored together under one name. */
function group(stored: unknown): Record<string, unknown> {
  return typeof stored === 'object' && stored !== null ? (stored as Record<string, unknown>) : {};
}

/** Whether something is a list of service levels: whole seconds by name. */
export function isSloTiers(value: unknown): value is Record<string, number> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const tiers = Object.entries(value);
  return (
    tiers.length <= SLO_TIERS.most &&
    tiers.every(
      ([name, inSeconds]) =>
        name !== '' &&
        name.length <= SLO_TIERS.longestName &&
        Number.isInteger(inSeconds) &&
        inSeconds >= 1 &&
        inSeconds <= SLO_TIERS.mostSeconds,
    )
  );
}

/** As `workspace_seconds` in the database reads it. */
function whole(stored: unknown, range: { least: number; most: number; default: number }): number {
  if (typeof stored !== 'number') return range.default;
  return Math.floor(Math.min(Math.max(stored, range.least), range.most));
}
