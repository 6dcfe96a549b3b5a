import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';

const KEPT = '24 hours';
const RUNNING_AT_MOST = '60 seconds';

export type Claim =
  /** The caller is the one to do it; `seed` is the same for every attempt under this key. */
  | { kind: 'claimed'; seed: string }
  | { kind: 'replay'; status: number; body: string }
  | { kind: 'running' }
  | { kind: 'reused' };

interface KeyRow {
  request_hash: string;
  status: number | null;
  body: string | null;
}

/** Answers kept under the Idempotency-Keys of a workspace. */
@Injectable()
export class IdempotencyStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Claims a key for one request. A claim whose process died is free again after 60 s, for the same body only. */
  claim(scope: WorkspaceScope, key: string, requestHash: string): Promise<Claim> {
    return this.db.inWorkspace(scope, async (tx) => {
      await tx.query(
        `delete from idempotency_keys where workspace_id = $1 and key = $2 and created_at < now() - interval '${KEPT}'`,
        [scope.workspaceId, key],
      );
      const [claimed] = await tx.query<{ born: string }>(
        `insert into idempotency_keys as k (organization_id, workspace_id, key, request_hash, locked_until)
         values ($1, $2, $3, $4, now() + interval '${RUNNING_AT_MOST}')
         on conflict (workspace_id, key) do update set locked_until = excluded.locked_until
           where k.status is null and k.locked_until < now() and k.request_hash = excluded.request_hash
         returning extract(epoch from created_at)::text as born`,
        [scope.organizationId, scope.workspaceId, key, requestHash],
      );
      if (claimed) return { kind: 'claimed', seed: `${scope.workspaceId} ${claimed.born} ${key}` };
      const [row] = await tx.query<KeyRow>(
        'select request_hash, status, body from idempotency_keys where workspace_id = $1 and key = $2',
        [scope.workspaceId, key],
      );
      if (!row) return { kind: 'running' };
      if (row.request_hash !== requestHash) return { kind: 'reused' };
      return row.status === null ? { kind: 'running' } : { kind: 'replay', status: row.status, body: row.body ?? '' };
    });
  }

  async keep(scope: WorkspaceScope, key: string, status: number, body: string): Promise<void> {
    await this.db.inWorkspace(scope, (tx) =>
      tx.query(
        'update idempotency_keys set status = $3, body = $4, locked_until = null where workspace_id = $1 and key = $2',
        [scope.workspaceId, key, status, body],
      ),
    );
  }

  async forget(scope: WorkspaceScope, key: string): Promise<void> {
    await this.db.inWorkspace(scope, (tx) =>
      tx.query('delete from idempotency_keys where workspace_id = $1 and key = $2 and status is null', [
        scope.workspaceId,
        key,
      ]),
    );
  }
}
