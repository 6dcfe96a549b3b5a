import { hostname } from 'node:os';
import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import type { InstanceCapability } from './frame.dto.js';
import type { Halt } from './server-frame.js';
import type { HeldLease, Session, SessionNews } from './session.js';

/** Connections of an agent at once, over all gateways. */
const MAX_SESSIONS = 100;
const GATEWAY = `${hostname()}:${process.pid}`;

export interface NewSession extends WorkspaceScope {
  id: string;
  agentId: string;
  instanceId: string;
  keyId: string;
  actor: string;
  maxConcurrent: number | null;
  capabilities: InstanceCapability[] | null;
}

export type Opened =
  | { verdict: 'open'; halt: Halt | null; agentMaxConcurrent: number; leaseTtlMs: number }
  | { verdict: 'too_many' }
  | { verdict: 'unknown_agent' };

/** How the row of a session stands. */
export interface Standing {
  sessionId: string;
  standing: 'current' | 'replaced' | 'gone';
  halt: Halt | null;
  agentMaxConcurrent: number;
}

export interface EndedLease {
  taskId: string;
  leaseId: string;
  /** Nobody acknowledged it in time. */
  unanswered: boolean;
}

interface OpenedRow {
  verdict: Opened['verdict'];
  halt: Halt | null;
  agent_max_concurrent: number;
  lease_ttl_ms: number;
}

/** The rows of connected instances. */
@Injectable()
export class SessionStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  async open(session: NewSession): Promise<Opened> {
    const [row] = await this.db.statement<OpenedRow>(
      'select * from open_session($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)',
      [
        session.organizationId,
        session.workspaceId,
        session.agentId,
        session.instanceId,
        session.id,
        session.keyId,
        GATEWAY,
        session.maxConcurrent,
        session.capabilities === null ? null : JSON.stringify(session.capabilities),
        MAX_SESSIONS,
        session.actor,
      ],
    );
    if (!row) throw new Error('open_session answered nothing');
    const { verdict, halt } = row;
    if (verdict !== 'open') return { verdict };
    return { verdict, halt, agentMaxConcurrent: row.agent_max_concurrent, leaseTtlMs: row.lease_ttl_ms };
  }

  /** Writes down what is new of sessions of one organization, and tells how each of them stands. */
  lookAfter(organizationId: string, told: { session: Session; news: SessionNews | null }[]): Promise<Standing[]> {
    const news = told.map(({ session, news: word }) => ({
      session: session.id,
      workspace: session.caller.workspaceId,
      agent: session.agent.id,
      instance: session.instanceId,
      actor: session.caller.actor,
      seen: word?.seen,
      offered_ms: word?.offeredMsAgo,
      acknowledged_ms: word?.acknowledgedMsAgo,
      last_task: word?.lastTaskId,
      unacknowledged: word?.unanswered,
    }));
    return this.db.statement<Standing>(
      `select session_id as "sessionId", standing, halt, agent_max_concurrent as "agentMaxConcurrent"
         from look_after_sessions($1, $2)`,
      [organizationId, JSON.stringify(news)],
    );
  }

  async close({ id, caller, agent, instanceId, socket }: Session): Promise<void> {
    await this.db.statement('select close_session($1, $2, $3, $4, $5, $6, $7)', [
      caller.organizationId,
      caller.workspaceId,
      agent.id,
      instanceId,
      id,
      performance.now() - socket.lastFrameAtMs,
      caller.actor,
    ]);
  }

  /** Those of these leases that are not in force any more. */
  async endedLeases(scope: WorkspaceScope, leases: HeldLease[]): Promise<EndedLease[]> {
    return this.db.inWorkspace(scope, (tx) =>
      tx.query<EndedLease>(
        `select l.task as "taskId", l.lease as "leaseId", coalesce(a.kind = 'unacknowledged', false) as unanswered
           from unnest($2::uuid[], $3::uuid[], $4::bigint[]) as l(task, lease, fence)
           left join task_attempts a on a.workspace_id = $1 and a.task_id = l.task and a.fence = l.fence
          where not exists (select from tasks t where t.workspace_id = $1 and t.id = l.task and t.lease_id = l.lease)`,
        [
          scope.workspaceId,
          leases.map(({ taskId }) => taskId),
          leases.map(({ lease }) => lease.id),
          leases.map(({ lease }) => lease.fence),
        ],
      ),
    );
  }
}
