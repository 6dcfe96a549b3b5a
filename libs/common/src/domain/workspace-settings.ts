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
  /** Service levels by name, in seconds from a task's creation. Default: one for each priority. */
  sloTiers: Readonly<Record<string, number>>;
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

/** The settings in force: what is stored, and defaults for the rest. */
export function workspaceSettings(stored: Record<string, unknown>): WorkspaceSettings {
  return {
    autoRegisterAgents: typeof stored.autoRegisterAgents === 'boolean' ? stored.autoRegisterAgents : true,
    unknownPrice: isUnknownPricePolicy(stored.unknownPrice) ? stored.unknownPrice : null,
    leaseTtlSeconds: seconds(stored.leaseTtlSeconds, LEASE_TTL_SECONDS),
    progressTimeoutSeconds: seconds(stored.progressTimeoutSeconds, PROGRESS_TIMEOUT_SECONDS),
    sloTiers: isSloTiers(stored.sloTiers) ? stored.sloTiers : DEFAULT_SLO_TIERS,
  };
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
function seconds(stored: unknown, range: { least: number; most: number; default: number }): number {
  if (typeof stored !== 'number') return range.default;
  return Math.floor(Math.min(Math.max(stored, range.least), range.most));
}
