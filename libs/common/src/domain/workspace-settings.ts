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
}

export const LEASE_TTL_SECONDS = { least: 2, most: 3_600, default: 30 } as const;
export const PROGRESS_TIMEOUT_SECONDS = { least: 2, most: 86_400, default: 300 } as const;

/** The settings in force: what is stored, and defaults for the rest. */
export function workspaceSettings(stored: Record<string, unknown>): WorkspaceSettings {
  return {
    autoRegisterAgents: typeof stored.autoRegisterAgents === 'boolean' ? stored.autoRegisterAgents : true,
    unknownPrice: isUnknownPricePolicy(stored.unknownPrice) ? stored.unknownPrice : null,
    leaseTtlSeconds: seconds(stored.leaseTtlSeconds, LEASE_TTL_SECONDS),
    progressTimeoutSeconds: seconds(stored.progressTimeoutSeconds, PROGRESS_TIMEOUT_SECONDS),
  };
}

/** As `workspace_seconds` in the database reads it. */
function seconds(stored: unknown, range: { least: number; most: number; default: number }): number {
  if (typeof stored !== 'number') return range.default;
  return Math.floor(Math.min(Math.max(stored, range.least), range.most));
}
