import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory, type AgentRef } from '../agents/agent-directory.js';
import { excerpt, recipientOf } from '../authors/author.js';
import { AuthorStore } from '../authors/author.store.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { mayActForAny, requireOwnAgent } from '../tasks/bearer.js';
import type { AgentMessageRow } from './agent-message.row.js';
import type { SendMessageDto } from './agent-message.dto.js';
import { AgentMessageStore, type MessageFilter } from './agent-message.store.js';
import { LetterWriter } from './letter-writer.js';

/** Direct messages to agents: sent, read, acknowledged, each on record. */
@Injectable()
export class AgentMessageService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(AgentMessageStore) private readonly store: AgentMessageStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(AuthorStore) private readonly authors: AuthorStore,
    @Inject(LetterWriter) private readonly writer: LetterWriter,
  ) {}

  /** @throws Problem not_found, invalid_values, rate_limited */
  async send(caller: Caller, agentRef: string, body: SendMessageDto, creation: CreationId): Promise<AgentMessageRow> {
    const to = await this.agent(caller, agentRef);
    const { messages } = workspaceSettings(caller.workspace.settings);
    return this.db.inWorkspace(caller, async (tx) => {
      const earlier = creation.mayExist ? await this.store.find(tx, creation.id) : null;
      if (earlier) return earlier;
      const letter = await this.writer.write(tx, body);
      await this.requireKnown(tx, body);
      if (caller.agentId !== null) await this.requirePatience(tx, caller.agentId, messages.perMinute);
      const sender = await this.authors.of(tx, caller);
      const message = {
        ...letter,
        id: creation.id,
        agent_id: to.id,
        sender,
        expire_after_days: messages.expireAfterDays,
      };
      const isNew = await this.store.insert(tx, message);
      const row = await this.present(tx, creation.id);
      if (isNew) await this.tellSent(tx, caller, row);
      return row;
    });
  }

  /** @throws Problem not_found */
  async list(
    caller: Caller,
    agentRef: string,
    filter: MessageFilter,
  ): Promise<(AgentMessageRow & { sort_key: string })[]> {
    const agent = await this.agent(caller, agentRef);
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, agent.id, filter));
  }

  /** The first word counts: who repeats it gets the same answer. @throws Problem not_found, forbidden, conflict */
  async acknowledge(
    caller: Caller,
    agentRef: string,
    id: string,
    response: string | undefined,
  ): Promise<AgentMessageRow> {
    const agent = await this.agent(caller, agentRef);
    return this.db.inWorkspace(caller, async (tx) => {
      const message = await this.store.lock(tx, id);
      if (!message) throw notFound();
      requireOwnAgent(caller, message.agent_id);
      if (message.agent_id !== agent.id) throw notFound();
      if (message.acknowledged_at !== null) return repeated(message, response);
      await this.store.acknowledge(tx, id, caller.actor, response ?? null);
      await this.tellAcknowledged(tx, caller, message, response);
      return this.present(tx, id);
    });
  }

  /** An agent reads its own messages only; owners and admins any; nobody else has any to read. */
  async read(caller: Caller, ids: readonly string[]): Promise<{ read: string[]; skipped: string[] }> {
    const wanted = [...new Set(ids.map((id) => id.toLowerCase()))];
    if (caller.agentId === null && !mayActForAny(caller)) return { read: [], skipped: wanted };
    return this.db.inWorkspace(caller, async (tx) => {
      const rows = await this.store.lockAll(tx, wanted, caller.agentId);
      const found = new Set(rows.map((row) => row.id));
      await this.store.read(tx, [...found]);
      for (const row of rows.filter(({ read_at: readAt }) => readAt === null)) {
        await this.tell(tx, caller, 'message.read', row, {});
      }
      return { read: wanted.filter((id) => found.has(id)), skipped: wanted.filter((id) => !found.has(id)) };
    });
  }

  private async agent(caller: Caller, ref: string): Promise<AgentRef> {
    const agent = await this.agents.find(caller.organizationId, ref);
    if (!agent) throw notFound();
    return agent;
  }

  private async requireKnown(tx: Tx, { taskId, replyTo }: SendMessageDto): Promise<void> {
    if (taskId !== undefined && !(await this.store.hasTask(tx, taskId))) {
      throw invalid('taskId', 'No task of this workspace has this id.');
    }
    if (replyTo !== undefined && !(await this.store.find(tx, replyTo))) {
      throw invalid('replyTo', 'No message of this workspace has this id.');
    }
  }

  private async requirePatience(tx: Tx, agentId: string, perMinute: number): Promise<void> {
    await this.store.lockSender(tx, agentId);
    const retryAfterSeconds = await this.store.secondsToWait(tx, agentId, perMinute);
    if (retryAfterSeconds === null) return;
    throw new Problem('rate_limited', {
      detail: `An agent sends at most ${perMinute} direct messages within 60 s.`,
      retryAfterSeconds,
    });
  }

  private async tellSent(tx: Tx, caller: Caller, row: AgentMessageRow): Promise<void> {
    await this.tell(tx, caller, 'message.sent', row, {
      ...{ type: row.type, priority: row.priority, subject: row.subject, replyTo: row.reply_to },
      ...{ requiresAck: row.requires_ack, ackDueAt: row.ack_due_at?.toISOString() ?? null },
      recipients: row.sender.agent === row.agent_id ? [] : [{ agent: row.agent_id }],
      title: row.subject ?? `Message from ${row.sender.name}`,
      text: excerpt(row.body),
    });
  }

  /** Whoever waits for an answer is told of it. */
  private async tellAcknowledged(
    tx: Tx,
    caller: Caller,
    row: AgentMessageRow,
    response: string | undefined,
  ): Promise<void> {
    const sender = recipientOf(row.sender);
    const isAnswer = response !== undefined && sender !== null && row.sender.agent !== row.agent_id;
    await this.tell(tx, caller, 'message.acknowledged', row, {
      isLate: row.escalated_at !== null,
      ...(isAnswer ? { recipients: [sender], title: `Answer from ${row.agent_name}`, text: excerpt(response) } : {}),
    });
  }

  private async tell(tx: Tx, caller: Caller, type: string, row: AgentMessageRow, data: object): Promise<void> {
    const to = { agent: row.agent_id, name: row.agent_name };
    await appendEvent(tx, {
      ...{ type, actor: caller.actor, subject: `message:${row.id}` },
      data: { messageId: row.id, from: row.sender, to, ...(row.task_id ? { taskId: row.task_id } : {}), ...data },
    });
  }

  private async present(tx: Tx, id: string): Promise<AgentMessageRow> {
    const row = await this.store.find(tx, id);
    if (!row) throw new Error(`Message ${id} is gone within its own transaction`);
    return row;
  }
}

function repeated(message: AgentMessageRow, response: string | undefined): AgentMessageRow {
  if (response === undefined || response === message.response) return message;
  throw new Problem('conflict', { detail: 'It was acknowledged before, in other words.' });
}
