import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import { BatchedCommitter } from '@houston/common/db/group-commit.js';
import { isDataFault } from '@houston/common/db/postgres-error.js';

export type Claim =
  /** The caller is the one to do it; `seed` is the same for every attempt under this key, `claim` names this one. */
  | { kind: 'claimed'; seed: string; claim: string }
  | { kind: 'replay'; status: number; body: string }
  | { kind: 'running' | 'reused' };

interface Request {
  scope: WorkspaceScope;
  key: string;
  requestHash: string;
}

/** How an attempt ended; `unknown` when it may have been done although it failed, as after a lost connection. */
export type Ending = { outcome: 'done'; status: number; body: string } | { outcome: 'refused' | 'unknown' };

interface Answer {
  scope: WorkspaceScope;
  key: string;
  claim: string;
  ending: Ending;
}

interface ClaimRow {
  verdict: 'claimed' | 'replay' | 'running' | 'reused';
  born: string | null;
  claim: string | null;
  status: number | null;
  body: string | null;
}

const LIMITS = { maxBatch: 256, maxBacklog: 5_000 };

/** Answers kept under the Idempotency-Keys of a workspace for 24 hours; claims and answers are committed in groups. */
@Injectable()
export class IdempotencyStore implements OnApplicationShutdown {
  private readonly claims = new BatchedCommitter<Request, Claim>({
    ...LIMITS,
    run: (requests) => this.claimAll(requests),
    conflictKey: keyOf,
    isIsolated: isDataFault,
  });
  private readonly answers = new BatchedCommitter<Answer, void>({
    ...LIMITS,
    run: (answers) => this.settleAll(answers),
    conflictKey: keyOf,
    isIsolated: isDataFault,
  });

  constructor(@Inject(Database) private readonly db: Database) {}

  claim(scope: WorkspaceScope, key: string, requestHash: string): Promise<Claim> {
    return this.claims.commit({ scope, key, requestHash });
  }

  settle(scope: WorkspaceScope, key: string, claim: string, ending: Ending): Promise<void> {
    return this.answers.commit({ scope, key, claim, ending });
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.claims.close(), this.answers.close()]);
  }

  private async claimAll(requests: Request[]): Promise<Claim[]> {
    const claims = new Map<Request, Claim>();
    for (const [organizationId, own] of byOrganization(requests)) {
      const rows = await this.db.statement<ClaimRow>('select * from claim_idempotency_keys($1, $2)', [
        organizationId,
        JSON.stringify(
          own.map((one) => ({ workspace_id: one.scope.workspaceId, key: one.key, request_hash: one.requestHash })),
        ),
      ]);
      own.forEach((one, index) => claims.set(one, claimOf(one, rows[index]!)));
    }
    return requests.map((one) => claims.get(one)!);
  }

  private async settleAll(answers: Answer[]): Promise<void[]> {
    for (const [organizationId, own] of byOrganization(answers)) {
      await this.db.statement('select settle_idempotency_keys($1, $2)', [
        organizationId,
        JSON.stringify(
          own.map(({ scope, key, claim, ending }) => ({ workspace_id: scope.workspaceId, key, claim, ...ending })),
        ),
      ]);
    }
    return answers.map(() => undefined);
  }
}

function keyOf({ scope, key }: { scope: WorkspaceScope; key: string }): string {
  return `${scope.workspaceId} ${key}`;
}

function byOrganization<T extends { scope: WorkspaceScope }>(all: T[]): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const one of all) {
    const group = groups.get(one.scope.organizationId);
    if (group) group.push(one);
    else groups.set(one.scope.organizationId, [one]);
  }
  return groups;
}

function claimOf({ scope, key }: Request, row: ClaimRow): Claim {
  switch (row.verdict) {
    case 'claimed':
      return { kind: 'claimed', seed: `${scope.workspaceId} ${row.born} ${key}`, claim: row.claim ?? '' };
    case 'replay':
      return { kind: 'replay', status: row.status ?? 200, body: row.body ?? '' };
    case 'running':
    case 'reused':
      return { kind: row.verdict };
  }
}
