import { v7 as newId } from 'uuid';
import { type ApiClient, bodyOf } from '../support/gateway.js';
import type { TestDatabase } from '../support/database.js';

let number = 0;

/** What an agent in a test is able to do; everything else is as usual. */
export interface NewAgent {
  name?: string;
  capabilities?: { name: string; level: number }[];
  maxConcurrent?: number;
  provider?: string;
  level?: 'intern' | 'specialist' | 'lead';
  costPerTaskUsd?: number;
}

/** An agent, put straight into the database. @returns its id and name */
export async function insertAgent(db: TestDatabase, wanted: NewAgent = {}): Promise<{ id: string; name: string }> {
  const id = newId();
  const name = wanted.name ?? `agent-${(number += 1)}`;
  await db.database.inOrganization(db.organizationId, (tx) =>
    tx.query(
      `insert into agents (organization_id, id, name, capabilities, max_concurrent, provider, level, cost_per_task_nano)
       values ($1, $2, $3, $4, $5, $6, $7, $8 * 1e9::numeric)`,
      [
        db.organizationId,
        id,
        name,
        JSON.stringify(wanted.capabilities ?? []),
        wanted.maxConcurrent ?? 1,
        wanted.provider,
        wanted.level ?? 'specialist',
        wanted.costPerTaskUsd ?? null,
      ],
    ),
  );
  return { id, name };
}

export interface Lease {
  id: string;
  fence: number;
  expiresAt: string;
}

export interface TaskJson {
  id: string;
  status: string;
  attempts: number;
  nextRetryAt: string | null;
  progress: unknown;
  priority: string;
  dependsOn: string[];
  [field: string]: unknown;
}

export async function createTask(client: ApiClient, fields: Record<string, unknown> = {}): Promise<TaskJson> {
  return bodyOf<TaskJson>(await client.post('/api/tasks', { title: 'Sort the mail', ...fields }), 201);
}

/** A claim that must succeed. */
export async function claim(client: ApiClient, agentId: string): Promise<{ task: TaskJson; lease: Lease }> {
  return bodyOf(await client.post(`/api/agents/${agentId}/claim`), 200);
}
