import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { looksLikeId } from '../http/uuid.js';
import type { CreateAgentDto, UpdateAgentDto } from './agent.dto.js';
import type { AgentRow } from './agent.row.js';
import { type AgentFilter, AgentStore, type AgentVersionRow } from './agent.store.js';
import { agentView } from './agent.view.js';
import { AgentWorkStore } from './agent-work.store.js';
import { changesOf, registrationOf, type ResolvedRefs, withLifecycle } from './registration.js';

const NEW = { lifecycle: 'active', replaced_by: null } as const;

/** What people do to agents. They belong to the organization and work in many workspaces. */
@Injectable()
export class AgentService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(AgentStore) private readonly store: AgentStore,
    @Inject(AgentWorkStore) private readonly work: AgentWorkStore,
  ) {}

  list(caller: Caller, filter: AgentFilter): Promise<AgentRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** @param ref name or id @throws Problem not_found */
  find(caller: Caller, ref: string): Promise<AgentRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, ref));
  }

  /** Newest first. @throws Problem not_found */
  versions(caller: Caller, ref: string, before: number | null, limit: number): Promise<AgentVersionRow[]> {
    return this.db.inWorkspace(caller, async (tx) =>
      this.store.versions(tx, (await this.present(tx, ref)).id, before, limit),
    );
  }

  /** @throws Problem already_exists, unknown_agent, invalid_values */
  create(caller: Caller, body: CreateAgentDto, id: CreationId): Promise<AgentRow> {
    const { name } = body;
    if (looksLikeId(name)) throw invalid('name', 'It looks like an id; choose another.');
    return this.db.inWorkspace(caller, async (tx) => {
      const refs = await this.refsOf(tx, body, { id: id.id, name });
      const fields = withLifecycle(NEW, registrationOf(body, refs));
      const created = await this.store.insert(tx, id.id, name, fields);
      const agent = await this.present(tx, name);
      if (created) {
        await appendEvent(tx, {
          ...{ type: 'agent.created', actor: caller.actor, subject: `agent:${agent.id}` },
          data: { agentId: agent.id, name, ...mentioned(agent, body) },
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

  /** Disabling returns what it has on lease. @throws Problem not_found, precondition_failed, unknown_agent, invalid_values */
  update(caller: Caller, ref: string, body: UpdateAgentDto, ifMatch: string | undefined): Promise<AgentRow> {
    const { organizationId, workspaceId } = caller;
    return this.db.inOrganization(organizationId, async (tx) => {
      const before = await this.store.lock(tx, ref);
      if (!before) throw notFound();
      requireMatch(ifMatch, before.version);
      const refs = await this.refsOf(tx, body, before);
      const changes = changesOf(before, withLifecycle(before, registrationOf(body, refs)));
      if (Object.keys(changes).length === 0) return before;
      await this.store.change(tx, before.id, changes);
      const changed = await this.present(tx, before.id);
      await appendEvent(tx, {
        ...{ type: 'agent.updated', actor: caller.actor, subject: `agent:${before.id}`, workspaceId },
        data: { agentId: before.id, name: before.name, revision: changed.version, changed: mentioned(changed, body) },
      });
      if (changes.enabled === undefined) return changed;
      if (!changes.enabled) await this.work.returnLeases(tx, before.id, caller.actor);
      await this.work.note(tx, before.id, caller.actor);
      return this.present(tx, before.id);
    });
  }

  private async present(tx: Tx, ref: string): Promise<AgentRow> {
    const agent = await this.store.find(tx, ref);
    if (!agent) throw notFound();
    return agent;
  }

  private async refsOf(
    tx: Tx,
    { dependsOn, replacedBy }: Pick<UpdateAgentDto, 'dependsOn' | 'replacedBy'>,
    self: { id: string; name: string },
  ): Promise<ResolvedRefs> {
    const known = await this.store.resolve(tx, [...(dependsOn ?? []), ...(replacedBy ? [replacedBy] : [])]);
    const resolve = (path: string, ref: string) => {
      const agent = known.get(ref);
      if (!agent) throw unknownAgent(path, ref);
      if (agent.name === self.name) throw invalid(path, 'An agent cannot name itself.');
      return agent;
    };
    const successor = replacedBy ? resolve('replacedBy', replacedBy) : null;
    if (successor && (await this.store.succeeds(tx, self.id, successor.id))) {
      throw invalid('replacedBy', `${successor.name} is itself replaced by ${self.name}.`);
    }
    return {
      dependsOn: dependsOn && [...new Set(dependsOn.map((ref, index) => resolve(`dependsOn[${index}]`, ref).name))],
      replacedBy: replacedBy === undefined ? undefined : (successor?.id ?? null),
    };
  }
}

/** What the request mentions, as it stands now. */
function mentioned(agent: AgentRow, body: object): Record<string, unknown> {
  const view = agentView(agent);
  const names = Object.entries(body).filter(([, value]) => value !== undefined);
  return Object.fromEntries(names.map(([name]) => [name, view[name as keyof typeof view]]));
}

function unknownAgent(path: string, ref: string): Problem {
  const message = `There is no agent ${ref}. Create it first.`;
  return new Problem('unknown_agent', { detail: `${path}: ${message}`, errors: [{ path, message }] });
}
