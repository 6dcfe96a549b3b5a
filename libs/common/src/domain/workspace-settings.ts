import { isUnknownPricePolicy, type UnknownPricePolicy } from './unknown-price.js';

/** What a workspace can set for itself. */
export interface WorkspaceSettings {
  /** An unknown agent's name in an execution registers the agent. Default: true. */
  autoRegisterAgents: boolean;
  /** What happens to a run whose model has no known price. Default: null, deny where an enforcing budget matches, else flag. */
  unknownPrice: UnknownPricePolicy | null;
}

/** The settings in force: what is stored, and defaults for the rest. */
export function workspaceSettings(stored: Record<string, unknown>): WorkspaceSettings {
  return {
    autoRegisterAgents: typeof stored.autoRegisterAgents === 'boolean' ? stored.autoRegisterAgents : true,
    unknownPrice: isUnknownPricePolicy(stored.unknownPrice) ? stored.unknownPrice : null,
  };
}
