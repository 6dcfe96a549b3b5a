import type { DataSource } from 'typeorm';
import { v7 as newId } from 'uuid';
import { connect } from '../db/data-source.js';
import { Database, type Tx } from '../db/database.js';
import { appendEvent } from '../events/event-log.js';
import { describeApiKey, newApiKey } from './api-key.js';

const FIRST_RUN_LOCK = 4_871_002;

export interface FirstRun {
  /** The owner's key, when this call created it; null when the installation already had its organization. */
  ownerKey: string | null;
}

/**
 * Makes the organization, its `default` workspace and the owner's key, once.
 *
 * A fixed `ownerKey` is put in place also on later runs, so that setting it is enough to get in; keys made before stay valid.
 */
export async function firstRun(databaseUrl: string, options: { ownerKey?: string } = {}): Promise<FirstRun> {
  const dataSource = await connect(databaseUrl, 2);
  try {
    const organizationId = await ensureOrganization(dataSource);
    return await new Database(dataSource).inOrganization(organizationId, (tx) => ensureOwnerKey(tx, options.ownerKey));
  } finally {
    await dataSource.destroy();
  }
}

async function ensureOrganization(dataSource: DataSource): Promise<string> {
  return dataSource.transaction(async (manager) => {
    await manager.query('select pg_advisory_xact_lock($1)', [FIRST_RUN_LOCK]);
    const [existing]: { id: string }[] = await manager.query(
      'select id from organizations order by created_at limit 1',
    );
    if (existing) return existing.id;
    const id = newId();
    await manager.query('insert into organizations (id, name) values ($1, $2)', [id, 'Houston']);
    await manager.query('select enter_tenant($1, null)', [id]);
    await manager.query('insert into workspaces (organization_id, id, slug, name) values ($1, $2, $3, $4)', [
      id,
      newId(),
      'default',
      'Default',
    ]);
    return id;
  });
}

async function ensureOwnerKey(tx: Tx, fixedKey: string | undefined): Promise<FirstRun> {
  await tx.query('select pg_advisory_xact_lock($1)', [FIRST_RUN_LOCK]);
  const owners = await tx.query<{ key_hash: string }>("select key_hash from api_keys where role = 'owner'");
  const key = fixedKey ? describeApiKey(fixedKey) : newApiKey();
  const known = fixedKey ? owners.some((owner) => owner.key_hash === key.hash) : owners.length > 0;
  if (known) return { ownerKey: null };
  const id = newId();
  await tx.query(
    `insert into api_keys (organization_id, id, name, role, prefix, key_hash, created_by)
     values ($1, $2, 'Owner', 'owner', $3, $4, 'system')`,
    [tx.organizationId, id, key.prefix, key.hash],
  );
  await appendEvent(tx, {
    type: 'key.created',
    actor: 'system',
    subject: `key:${id}`,
    data: { keyId: id, name: 'Owner', role: 'owner', prefix: key.prefix },
  });
  return { ownerKey: key.key };
}
