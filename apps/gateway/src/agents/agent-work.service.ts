import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import type { AgentRow } from './agent.row.js';
import { AgentService } from './agent.service.js';
import { AgentStore } from './agent.store.js';
import type { SetCapacityDto } from './agent-work.dto.js';
import { AgentWorkStore, type CapacityRow, type MetricsRow } from './agent-work.store.js';

/** How much work an agent gets, and what came of it. */
@Injectable()
export class AgentWorkService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(AgentStore) private readonly store: AgentStore,
    @Inject(AgentWorkStore) private readonly work: AgentWorkStore,
    @Inject(AgentService) private readonly agents: AgentService,
  ) {}

  /** No new work; what it has goes on. @throws Problem not_found */
  pause(caller: Caller, ref: string, reason?: string): Promise<AgentRow> {
    return this.changing(caller, ref, 'agent.paused', reason, (tx, { id }) => this.work.halt(tx, id, 'paused'));
  }

  /** As pause, and meant to end: nobody expects it back. @throws Problem not_found */
  drain(caller: Caller, ref: string, reason?: string): Promise<AgentRow> {
    return this.changing(caller, ref, 'agent.drained', reason, (tx, { id }) => this.work.halt(tx, id, 'draining'));
  }

  /** @throws Problem not_found */
  resume(caller: Caller, ref: string): Promise<AgentRow> {
    return this.changing(caller, ref, 'agent.resumed', undefined, (tx, { id }) =>
      this.work.resume(tx, id, caller.actor),
    );
  }

  /** @throws Problem not_found */
  async capacity(caller: Caller, ref: string): Promise<{ agent: AgentRow; capacity: CapacityRow }> {
    const agent = await this.agents.find(caller, ref);
    const capacity = await this.db.inOrganization(caller.organizationId, (tx) => this.work.capacity(tx, agent.id));
    return { agent, capacity };
  }

  /** What it has beyond a lowered capacity it keeps. @throws Problem not_found, invalid_values */
  async setCapacity(
    caller: Caller,
    ref: string,
    body: SetCapacityDto,
  ): Promise<{ agent: AgentRow; capacity: CapacityRow }> {
    await this.agents.update(caller, ref, body, undefined);
    return this.capacity(caller, ref);
  }

  /** In the caller's workspace. @throws Problem not_found */
  metrics(caller: Caller, ref: string, days: number): Promise<MetricsRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const agent = await this.store.find(tx, ref);
      if (!agent) throw notFound();
      return this.work.metrics(tx, agent.id, days);
    });
  }

  private changing(
    caller: Caller,
    ref: string,
    type: string,
    reason: string | undefined,
    act: (tx: Tx, agent: AgentRow) => Promise<boolean>,
  ): Promise<AgentRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const agent = await this.store.lock(tx, ref);
      if (!agent) throw notFound();
      if (!(await act(tx, agent))) return agent;
      const data = { agentId: agent.id, name: agent.name, reason };
      await appendEvent(tx, { type, actor: caller.actor, subject: `agent:${agent.id}`, data });
      await this.work.note(tx, agent.id, caller.actor);
      const changed = await this.store.find(tx, agent.id);
      if (!changed) throw new Error(`Agent ${agent.id} is gone within its own transaction`);
      return changed;
    });
  }
}
