import { newApiKey } from '@houston/common/auth/api-key.js';
import type { Role } from '@houston/common/auth/roles.js';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import supertest, { type Response, type Test } from 'supertest';
import { v7 as newId } from 'uuid';
import { createGateway } from '../../apps/gateway/src/gateway.js';
import { openTestDatabase, type TestDatabase } from './database.js';

/** Requests with one key, in one workspace. Each answers with supertest's response, whatever its status. */
export interface ApiClient {
  get(path: string, headers?: Headers): Test;
  post(path: string, body?: unknown, headers?: Headers): Test;
  put(path: string, body?: unknown, headers?: Headers): Test;
  patch(path: string, body?: unknown, headers?: Headers): Test;
  delete(path: string, headers?: Headers): Test;
}

type Headers = Record<string, string>;

export interface NewKey {
  role: Role;
  /** Bind the key to this workspace. Default: the whole organization. */
  workspaceId?: string;
  agentId?: string;
  expiresAt?: Date;
}

export interface TestGateway {
  app: NestFastifyApplication;
  db: TestDatabase;
  /** `http://127.0.0.1:<port>` */
  url: string;
  /** The first owner, in the workspace `default`. */
  owner: ApiClient;
  /** @param workspace slug or id for X-Workspace; default: the key's own, or `default` */
  as(key: string, workspace?: string): ApiClient;
  /** A key, put straight into the database. */
  key(options: NewKey): Promise<string>;
  /** A workspace, put straight into the database; its slug is the name. */
  workspace(slug: string, timezone?: string): Promise<{ id: string; slug: string }>;
  /** Stops the gateway, and drops the database if it was opened here. */
  close(): Promise<void>;
}

export interface GatewayOptions {
  /** Several gateways may share one; whoever opened it closes it. Default: a new one, dropped by `close()`. */
  db?: TestDatabase;
  /** Settings by the names of their environment variables. */
  env?: Record<string, string>;
  /** Default: a free one. */
  port?: number;
}

/** A gateway in this process, on a free port, over a database of its own. */
export async function startGateway(options: GatewayOptions = {}): Promise<TestGateway> {
  const db = options.db ?? (await openTestDatabase());
  const { app } = await withEnv({ DATABASE_URL: db.url, REDIS_URL: '', ...options.env }, createGateway);
  await app.listen(options.port ?? 0, '127.0.0.1');
  const url = await app.getUrl();
  const close = async () => {
    await app.close();
    if (!options.db) await db.close();
  };
  return {
    app,
    db,
    url,
    owner: clientOf(url, db.ownerKey),
    as: (key, workspace) => clientOf(url, key, workspace),
    key: (wanted) => insertKey(db, wanted),
    workspace: (slug, timezone) => insertWorkspace(db, slug, timezone),
    close,
  };
}

/** Asks with one key, wherever the gateway runs. */
export function clientOf(url: string, key: string, workspace?: string): ApiClient {
  const common: Headers = { authorization: `Bearer ${key}`, ...(workspace ? { 'x-workspace': workspace } : {}) };
  const send = (request: Test, headers: Headers = {}, body?: unknown) => {
    request.set({ ...common, ...headers }).ok(() => true);
    return body === undefined ? request : request.send(body as object);
  };
  const http = supertest(url);
  return {
    get: (path, headers) => send(http.get(path), headers),
    post: (path, body, headers) => send(http.post(path), headers, body ?? {}),
    put: (path, body, headers) => send(http.put(path), headers, body ?? {}),
    patch: (path, body, headers) => send(http.patch(path), headers, body ?? {}),
    delete: (path, headers) => send(http.delete(path), headers),
  };
}

/** The answer's body, if its status is the expected one; otherwise an error that shows the body. */
export function bodyOf<T = Record<string, unknown>>(response: Response, status: number): T {
  if (response.status === status) return response.body as T;
  throw new Error(`Expected ${status}, got ${response.status}: ${response.text}`);
}

let turn: Promise<unknown> = Promise.resolve();

/** Settings are read from the environment while `act` runs, so acts take turns. */
function withEnv<T>(env: Record<string, string>, act: () => Promise<T>): Promise<T> {
  const acting = turn.then(async () => {
    const before = Object.fromEntries(Object.keys(env).map((name) => [name, process.env[name]]));
    Object.assign(process.env, env);
    try {
      return await act();
    } finally {
      for (const [name, value] of Object.entries(before)) {
        if (value === undefined) delete process.env[name];
        else process.env[name] = value;
      }
    }
  });
  turn = acting.catch(() => undefined);
  return acting;
}

async function insertKey(db: TestDatabase, { role, workspaceId, agentId, expiresAt }: NewKey): Promise<string> {
  const key = newApiKey();
  await db.database.inOrganization(db.organizationId, (tx) =>
    tx.query(
      `insert into api_keys (organization_id, workspace_id, id, agent_id, name, role, prefix, key_hash, created_by, expires_at)
       values ($1, $2, $3, $4, $5, $5, $6, $7, 'system', $8)`,
      [
        db.organizationId,
        workspaceId ?? null,
        newId(),
        agentId ?? null,
        role,
        key.prefix,
        key.hash,
        expiresAt?.toISOString() ?? null,
      ],
    ),
  );
  return key.key;
}

async function insertWorkspace(
  db: TestDatabase,
  slug: string,
  timezone = 'UTC',
): Promise<{ id: string; slug: string }> {
  const id = newId();
  await db.database.inOrganization(db.organizationId, (tx) =>
    tx.query('insert into workspaces (organization_id, id, slug, name, timezone) values ($1, $2, $3, $3, $4)', [
      db.organizationId,
      id,
      slug,
      timezone,
    ]),
  );
  return { id, slug };
}
