import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { BatchedCommitter } from '@houston/common/db/group-commit.js';
import type { Role } from '@houston/common/auth/roles.js';
import type { Caller } from './caller.js';

interface Presented {
  hash: string;
  /** Slug or id of the workspace asked for; empty for none. */
  workspaceRef: string;
}

interface CallerRow {
  n: number;
  key_id: string;
  organization_id: string;
  key_workspace_id: string | null;
  agent_id: string | null;
  member_id: string | null;
  role: Role;
  key_name: string;
  prefix: string;
  workspace_id: string | null;
  workspace_slug: string;
  workspace_name: string;
  workspace_timezone: string;
  workspace_settings: Record<string, unknown>;
  policy_version: string;
}

export type ResolvedCaller =
  { kind: 'caller'; caller: Caller } | { kind: 'unknown_key' } | { kind: 'unknown_workspace'; role: Role };

/**
 * Looks callers up in Postgres, never in a cache, so that a revoked key stops at once; requests that arrive together
 * share one lookup.
 */
@Injectable()
export class CallerStore implements OnApplicationShutdown {
  private readonly lookups = new BatchedCommitter<Presented, ResolvedCaller>({
    run: (presented) => this.lookUp(presented),
    maxBatch: 500,
    maxBacklog: 10_000,
  });

  constructor(@Inject(Database) private readonly db: Database) {}

  resolve(presented: Presented): Promise<ResolvedCaller> {
    return this.lookups.commit(presented);
  }

  onApplicationShutdown(): Promise<void> {
    return this.lookups.close();
  }

  private async lookUp(presented: Presented[]): Promise<ResolvedCaller[]> {
    const distinct = new Map<string, Presented>();
    for (const one of presented) distinct.set(`${one.hash} ${one.workspaceRef}`, one);
    const asked = [...distinct.values()];
    const rows = await this.db.statement<CallerRow>('select * from resolve_callers($1, $2)', [
      asked.map((one) => one.hash),
      asked.map((one) => one.workspaceRef),
    ]);
    const answers = new Map<string, ResolvedCaller>();
    for (const row of rows) {
      const one = asked[row.n - 1]!;
      answers.set(`${one.hash} ${one.workspaceRef}`, resolved(row));
    }
    return presented.map((one) => answers.get(`${one.hash} ${one.workspaceRef}`) ?? { kind: 'unknown_key' });
  }
}

function resolved(row: CallerRow): ResolvedCaller {
  if (row.workspace_id === null) return { kind: 'unknown_workspace', role: row.role };
  return {
    kind: 'caller',
    caller: {
      organizationId: row.organization_id,
      workspaceId: row.workspace_id,
      keyId: row.key_id,
      keyName: row.key_name,
      prefix: row.prefix,
      role: row.role,
      keyWorkspaceId: row.key_workspace_id,
      agentId: row.agent_id,
      memberId: row.member_id,
      actor: `key:${row.key_id}`,
      policyVersion: BigInt(row.policy_version),
      workspace: {
        id: row.workspace_id,
        slug: row.workspace_slug,
        name: row.workspace_name,
        timezone: row.workspace_timezone,
        settings: row.workspace_settings,
      },
    },
  };
}
