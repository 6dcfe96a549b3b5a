import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory, type AgentRef } from '../agents/agent-directory.js';
import type { Author } from '../authors/author.js';
import { AuthorStore } from '../authors/author.store.js';
import type { Caller } from '../http/caller.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { type SubscriptionRow, SubscriptionStore } from './subscription.store.js';
import type { SubscriberDto } from './thread.dto.js';
import { ThreadStore } from './thread.store.js';

interface Named {
  /** Null: somebody was named whom nobody knows. */
  agent?: AgentRef | null;
  member?: string;
}

/** Following the thread of a task, and leaving it. */
@Injectable()
export class SubscriptionService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ThreadStore) private readonly threads: ThreadStore,
    @Inject(SubscriptionStore) private readonly store: SubscriptionStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(AuthorStore) private readonly authors: AuthorStore,
  ) {}

  /** Who follows already goes on as before. @throws Problem not_found, forbidden, invalid_values */
  async follow(caller: Caller, taskId: string, named: SubscriberDto): Promise<SubscriptionRow> {
    const agent = await this.agent(caller, named);
    return this.db.inWorkspace(caller, async (tx) => {
      const who = await this.subscriber(tx, caller, taskId, { ...named, agent });
      const id = idOf(who);
      const added = await this.store.follow(tx, taskId, [{ who, reason: 'request' }]);
      if (added.length > 0) await this.tell(tx, caller, 'subscription.added', taskId, who);
      const row = await this.store.find(tx, taskId, id);
      if (!row) throw new Error(`${id} was neither subscribed before nor now`);
      return row;
    });
  }

  /** Who does not follow is left alone. @throws Problem not_found, forbidden, invalid_values */
  async leave(caller: Caller, taskId: string, named: SubscriberDto): Promise<void> {
    const agent = await this.agent(caller, named);
    return this.db.inWorkspace(caller, async (tx) => {
      const who = await this.subscriber(tx, caller, taskId, { ...named, agent });
      const isLeft = await this.store.leave(tx, taskId, idOf(who));
      if (isLeft) await this.tell(tx, caller, 'subscription.ended', taskId, who);
    });
  }

  /** @throws Problem not_found */
  list(caller: Caller, taskId: string): Promise<SubscriptionRow[]> {
    return this.db.inWorkspace(caller, async (tx) => {
      if ((await this.threads.taskTitle(tx, taskId)) === null) throw notFound();
      return this.store.list(tx, taskId);
    });
  }

  /** Undefined where none was named, null where none is called so. */
  private async agent(caller: Caller, { agent }: SubscriberDto): Promise<AgentRef | null | undefined> {
    return agent === undefined ? undefined : this.agents.find(caller.organizationId, agent);
  }

  /** Whoever is named, or whoever the key belongs to. */
  private async subscriber(tx: Tx, caller: Caller, taskId: string, named: Named): Promise<Author> {
    if ((await this.threads.taskTitle(tx, taskId)) === null) throw notFound();
    const own = await this.authors.of(tx, caller);
    const who = await this.named(tx, named);
    if (who === null || idOf(who) === idOf(own)) return own;
    if (caller.role === 'agent' || caller.role === 'viewer') {
      throw new Problem('forbidden', { detail: 'With this role one speaks for oneself only.' });
    }
    return who;
  }

  private async named(tx: Tx, { agent, member }: Named): Promise<Author | null> {
    if (agent !== undefined && member !== undefined) throw invalid('member', 'Name an agent or a member, not both.');
    if (agent === null) throw invalid('agent', 'No agent is called so.');
    if (agent !== undefined) return { agent: agent.id, name: agent.name };
    if (member === undefined) return null;
    const found = await this.store.member(tx, member);
    if (!found) throw invalid('member', 'No member of this workspace has this id.');
    return found;
  }

  private async tell(tx: Tx, caller: Caller, type: string, taskId: string, subscriber: Author): Promise<void> {
    const subject = `task:${taskId}`;
    await appendEvent(tx, { type, actor: caller.actor, subject, data: { taskId, subscriber } });
  }
}

function idOf({ agent, member, key }: Author): string {
  return agent ?? member ?? key ?? '';
}
