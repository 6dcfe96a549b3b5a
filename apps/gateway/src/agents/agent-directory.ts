import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { v7 as newId } from 'uuid';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { looksLikeId } from '../http/uuid.js';

const REMEMBERED = 50_000;

export interface AgentRef {
  id: string;
  name: string;
}

/** Finds agents by name and names by id. Both are remembered: an agent is never renamed and never deleted. */
@Injectable()
export class AgentDirectory {
  private readonly byName = new LRUCache<string, AgentRef>({ max: REMEMBERED });
  private readonly byId = new LRUCache<string, AgentRef>({ max: REMEMBERED });

  constructor(@Inject(Database) private readonly db: Database) {}

  /** An agent by name, or by id. */
  async find(organizationId: string, nameOrId: string): Promise<AgentRef | null> {
    return (
      this.known(organizationId, nameOrId) ?? this.db.inOrganization(organizationId, (tx) => this.read(tx, nameOrId))
    );
  }

  /** As `find`, on the connection that its caller holds: many who hold one and wait for another wait for one another. */
  async findIn(tx: Tx, nameOrId: string): Promise<AgentRef | null> {
    return this.known(tx.organizationId, nameOrId) ?? this.read(tx, nameOrId);
  }

  /** Names of agents by id, for views; unknown ids are left out. */
  async names(organizationId: string, ids: Iterable<string>): Promise<Map<string, string>> {
    const wanted = [...new Set(ids)];
    const missing = wanted.filter((id) => !this.byId.has(`${organizationId} ${id}`));
    if (missing.length > 0) {
      const rows = await this.db.inOrganization(organizationId, (tx) =>
        tx.query<AgentRef>('select id, name from agents where id = any($1::uuid[])', [missing]),
      );
      rows.forEach((row) => this.remember(organizationId, row));
    }
    return new Map(
      wanted.flatMap((id) =>
        [this.byId.get(`${organizationId} ${id}`)].flatMap((agent) => (agent ? [[id, agent.name]] : [])),
      ),
    );
  }

  /** Registers an agent by its name; two at once make one. */
  async register(organizationId: string, workspaceId: string, name: string, actor: string): Promise<AgentRef> {
    const agent = await this.db.inOrganization(organizationId, async (tx) => {
      const [created] = await tx.query<AgentRef>(
        `insert into agents (organization_id, id, name, auto_registered) values ($1, $2, $3, true)
         on conflict (organization_id, name) do nothing returning id, name`,
        [organizationId, newId(), name],
      );
      if (!created) return null;
      const data = { agentId: created.id, name, autoRegistered: true };
      await appendEvent(tx, { type: 'agent.registered', actor, subject: `agent:${created.id}`, data, workspaceId });
      return created;
    });
    if (agent) return this.remember(organizationId, agent);
    const existing = await this.find(organizationId, name);
    if (!existing) throw new Error(`Agent ${name} was neither created nor found`);
    return existing;
  }

  private known(organizationId: string, nameOrId: string): AgentRef | undefined {
    const key = `${organizationId} ${written(nameOrId)}`;
    return this.byName.get(key) ?? this.byId.get(key);
  }

  private async read(tx: Tx, nameOrId: string): Promise<AgentRef | null> {
    const [row] = await tx.query<AgentRef>(
      'select id, name from agents where organization_id = $1 and (name = $2 or id::text = $2)',
      [tx.organizationId, written(nameOrId)],
    );
    return row ? this.remember(tx.organizationId, row) : null;
  }

  private remember(organizationId: string, agent: AgentRef): AgentRef {
    this.byName.set(`${organizationId} ${agent.name}`, agent);
    this.byId.set(`${organizationId} ${agent.id}`, agent);
    return agent;
  }
}

/** Ids are kept in small letters, however they are asked for. */
function written(nameOrId: string): string {
  return looksLikeId(nameOrId) ? nameOrId.toLowerCase() : nameOrId;
}
