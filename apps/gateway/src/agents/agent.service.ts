import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { AgentEntity } from '@houston/common/db/entities/agent.entity.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { looksLikeId } from '../http/uuid.js';
import type { CreateAgentDto, UpdateAgentDto } from './agent.dto.js';
import { type AgentFilter, AgentStore } from './agent.store.js';

/** What people do to agents. They belong to the organization and work in many workspaces. */
@Injectable()
export class AgentService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(AgentStore) private readonly store: AgentStore,
  ) {}

  list(caller: Caller, filter: AgentFilter): Promise<AgentEntity[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** @param ref name or id @throws Problem not_found */
  async find(caller: Caller, ref: string): Promise<AgentEntity> {
    const agent = await this.db.inWorkspace(caller, (tx) => this.store.find(tx, ref));
    if (!agent) throw notFound();
    return agent;
  }

  /** @throws Problem already_exists, invalid_values */
  create(caller: Caller, body: CreateAgentDto, id: CreationId): Promise<AgentEntity> {
    if (looksLikeId(body.name)) throw invalid('name', 'It looks like an id; choose another.');
    return this.db.inWorkspace(caller, async (tx) => {
      const { name, description, metadata } = body;
      const created = await this.store.insert(tx, { id: id.id, name, description, metadata });
      const agent = await this.store.find(tx, name);
      if (!agent) throw new Error(`Agent ${name} was neither created nor found`);
      if (created) {
        await appendEvent(tx, {
          ...{ type: 'agent.created', actor: caller.actor, subject: `agent:${agent.id}` },
          data: { agentId: agent.id, name, description, metadata },
        });
        return agent;
      }
      if (id.mayExist && agent.id === id.id) return agent;
      throw new Problem('already_exists', {
        detail: `The agent ${name} exists already.`,
        extensions: { existingId: agent.id },
      });
    });
  }

  /** @throws Problem not_found, precondition_failed */
  update(caller: Caller, ref: string, body: UpdateAgentDto, ifMatch: string | undefined): Promise<AgentEntity> {
    return this.db.inWorkspace(caller, async (tx) => {
      const agent = await this.store.lock(tx, ref);
      if (!agent) throw notFound();
      requireMatch(ifMatch, agent.version);
      const { description = agent.description, metadata = agent.metadata } = body;
      const saved = await tx.manager.save(AgentEntity, { ...agent, description, metadata });
      if (saved.version === agent.version) return agent;
      await appendEvent(tx, {
        ...{ type: 'agent.updated', actor: caller.actor, subject: `agent:${agent.id}` },
        data: { agentId: agent.id, name: agent.name, changed: { ...body } },
      });
      return saved;
    });
  }
}
