import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { BudgetMatcher } from '@houston/common/domain/budget-matcher.js';
import type { PriceSheet } from '@houston/common/domain/pricing.js';
import { workspaceSettings, type WorkspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import { Problem } from '../http/problem.js';

const MAX_ORGANIZATIONS = 100;

/** What admission matches a run against, as of one policy version. */
export interface Policy {
  /** Compared with the database's inside every admission: a stale policy decides nothing. */
  readonly version: string;
  readonly matcher: BudgetMatcher;
  /** Budgets that refuse, as opposed to those that only watch. */
  readonly enforcing: ReadonlySet<string>;
  readonly settings: ReadonlyMap<string, WorkspaceSettings>;
  /** A workspace's own prices by `workspaceId provider model`, lower case. */
  readonly overrides: ReadonlyMap<string, PriceSheet>;
}

/** Who asks, and the version of the policy that was current when it came in. */
export interface PolicyReader extends WorkspaceScope {
  readonly policyVersion: bigint;
}

interface BudgetRow {
  id: string;
  workspace_id: string | null;
  agent_id: string | null;
  model: string | null;
  provider: string | null;
  trigger: string | null;
  tags: Record<string, string> | null;
  mode: string;
}

interface OverrideRow {
  workspace_id: string;
  provider: string;
  model: string;
  input_nano_per_mtok: string;
  output_nano_per_mtok: string;
  cache_read_nano_per_mtok: string | null;
  cache_write_nano_per_mtok: string | null;
}

/**
 * Budgets' scopes, settings and prices of each organization, kept in memory. Keeping them is safe because the database
 * counts every change of them in `organizations.policy_version`, and admission compares.
 */
@Injectable()
export class PolicyStore {
  private readonly policies = new LRUCache<string, Promise<Policy>>({ max: MAX_ORGANIZATIONS });

  constructor(@Inject(Database) private readonly db: Database) {}

  /**
   * The policy under which a request is decided: no older than when its key was read, so that whoever has just set a
   * price or a setting meets it, through any gateway.
   *
   * @param staleVersion a version known to be out of date: do not answer with it
   * @throws Problem workspace_not_found when the workspace was deleted after the request came in
   */
  async currentFor(caller: PolicyReader, staleVersion?: string): Promise<Policy> {
    const { organizationId, workspaceId, policyVersion } = caller;
    const newer = versionAfter(staleVersion);
    const policy = await this.atLeast(organizationId, policyVersion > newer ? policyVersion : newer);
    if (policy.settings.has(workspaceId)) return policy;
    throw new Problem('workspace_not_found', { detail: 'This key reaches no workspace of that slug or id.' });
  }

  /** @param staleVersion a version known to be out of date: do not answer with it */
  current(organizationId: string, staleVersion?: string): Promise<Policy> {
    return this.atLeast(organizationId, versionAfter(staleVersion));
  }

  private async atLeast(organizationId: string, version: bigint): Promise<Policy> {
    const known = this.policies.get(organizationId);
    if (known !== undefined) {
      const policy = await known.catch(() => null);
      if (policy !== null && BigInt(policy.version) >= version) return policy;
    }
    // Whoever finds it stale first reads it anew; the others share that reading.
    if (known !== undefined && this.policies.get(organizationId) !== known)
      return this.atLeast(organizationId, version);
    const reading = this.db.inOrganization(organizationId, read);
    this.policies.set(organizationId, reading);
    return reading;
  }
}

function versionAfter(stale: string | undefined): bigint {
  return stale === undefined ? 0n : BigInt(stale) + 1n;
}

/** The version is read first: a change that comes in between makes the policy stale, never wrongly fresh. */
async function read(tx: Tx): Promise<Policy> {
  const [organization] = await tx.query<{ policy_version: string }>(
    'select policy_version from organizations where id = $1',
    [tx.organizationId],
  );
  const budgets = await tx.query<BudgetRow>(
    `select id, workspace_id, agent_id, model, provider, trigger, tags, mode from budgets
      where organization_id = $1 and deleted_at is null`,
    [tx.organizationId],
  );
  const workspaces = await tx.query<{ id: string; settings: Record<string, unknown> }>(
    'select id, settings from workspaces',
  );
  const overrides = await tx.query<OverrideRow>('select * from price_overrides');
  return {
    version: organization?.policy_version ?? '0',
    matcher: new BudgetMatcher(
      budgets.map((row) => ({
        id: row.id,
        workspaceId: row.workspace_id,
        scope: {
          agentId: row.agent_id,
          model: row.model,
          provider: row.provider,
          trigger: row.trigger,
          tags: row.tags,
        },
      })),
    ),
    enforcing: new Set(budgets.filter((row) => row.mode === 'enforce').map((row) => row.id)),
    settings: new Map(workspaces.map((row) => [row.id, workspaceSettings(row.settings)])),
    overrides: new Map(overrides.map((row) => [overrideKey(row.workspace_id, row.provider, row.model), sheetOf(row)])),
  };
}

export function overrideKey(workspaceId: string, provider: string, model: string): string {
  return `${workspaceId} ${provider.toLowerCase()} ${model.toLowerCase()}`;
}

function sheetOf(row: OverrideRow): PriceSheet {
  const optional = (value: string | null) => (value === null ? undefined : BigInt(value));
  return {
    inputNanoPerMTok: BigInt(row.input_nano_per_mtok),
    outputNanoPerMTok: BigInt(row.output_nano_per_mtok),
    cacheReadNanoPerMTok: optional(row.cache_read_nano_per_mtok),
    cacheWriteNanoPerMTok: optional(row.cache_write_nano_per_mtok),
  };
}
