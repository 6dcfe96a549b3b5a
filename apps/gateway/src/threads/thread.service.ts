import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { mentionCandidates, mentioned } from '@houston/common/domain/mentions.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { type Author, excerpt, type Recipient, recipientOf } from '../authors/author.js';
import { AuthorStore } from '../authors/author.store.js';
import { DocumentStore } from '../documents/document.store.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { type Fault, invalid, notFound, Problem } from '../http/problem.js';
import { SubscriptionStore } from './subscription.store.js';
import type { PostMessageDto } from './thread.dto.js';
import { type TaskMessageRow, ThreadStore } from './thread.store.js';

/** What is said about a task. Whoever follows it is told of each message once, its author never. */
@Injectable()
export class ThreadService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ThreadStore) private readonly store: ThreadStore,
    @Inject(SubscriptionStore) private readonly subscriptions: SubscriptionStore,
    @Inject(DocumentStore) private readonly documents: DocumentStore,
    @Inject(AuthorStore) private readonly authors: AuthorStore,
  ) {}

  /** @throws Problem not_found, invalid_values */
  post(caller: Caller, taskId: string, body: PostMessageDto, { id }: CreationId): Promise<TaskMessageRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const title = await this.store.taskTitle(tx, taskId);
      if (title === null) throw notFound();
      const attachments = [...new Set(body.attachments?.map((one) => one.toLowerCase()))];
      await this.requireKnown(tx, taskId, body.replyTo, attachments);
      const author = await this.authors.of(tx, caller);
      const mentions = await this.mentionsOf(tx, body.body);
      const isNew = await this.store.insert(tx, {
        ...{ id, task_id: taskId, author, body: body.body, reply_to: body.replyTo ?? null },
        ...{ attachments, mentions, created_by: caller.actor },
      });
      const message = await this.store.find(tx, taskId, id);
      if (!message) throw new Error(`Message ${id} is gone within its own transaction`);
      if (isNew) await this.tell(tx, caller, message, title);
      return message;
    });
  }

  /** Oldest first. @throws Problem not_found */
  list(
    caller: Caller,
    taskId: string,
    after: readonly string[] | null,
    limit: number,
  ): Promise<(TaskMessageRow & { sort_key: string })[]> {
    return this.db.inWorkspace(caller, async (tx) => {
      if ((await this.store.taskTitle(tx, taskId)) === null) throw notFound();
      return this.store.list(tx, taskId, after, limit);
    });
  }

  private async requireKnown(
    tx: Tx,
    taskId: string,
    replyTo: string | undefined,
    attachments: readonly string[],
  ): Promise<void> {
    if (replyTo !== undefined && !(await this.store.find(tx, taskId, replyTo))) {
      throw invalid('replyTo', 'No message of this task has this id.');
    }
    const missing = await this.documents.missing(tx, attachments);
    if (missing.length === 0) return;
    const errors = missing.map((id): Fault => ({ path: 'attachments', message: `No document here has the id ${id}.` }));
    throw new Problem('invalid_values', { detail: 'attachments: some are no documents of this workspace.', errors });
  }

  private async mentionsOf(tx: Tx, text: string): Promise<Author[]> {
    const names = [...new Set(mentionCandidates(text).flat())];
    return mentioned(text, await this.store.called(tx, names));
  }

  private async tell(tx: Tx, caller: Caller, message: TaskMessageRow, taskTitle: string): Promise<void> {
    const { task_id: taskId, author, mentions } = message;
    if (workspaceSettings(caller.workspace.settings).features.autoSubscribe) {
      await this.subscriptions.follow(tx, taskId, [
        ...(author.key === undefined ? [{ who: author, reason: 'post' as const }] : []),
        ...mentions.filter((who) => !isSame(who, author)).map((who) => ({ who, reason: 'mention' as const })),
      ]);
    }
    const followers = await this.subscriptions.list(tx, taskId);
    await appendEvent(tx, {
      ...{ type: 'message.posted', actor: caller.actor, subject: `task:${taskId}` },
      data: {
        ...{
          taskId,
          messageId: message.id,
          author,
          mentions,
          replyTo: message.reply_to,
          attachments: message.attachments,
        },
        recipients: recipientsOf(author, [...followers.map(({ who }) => who), ...mentions]),
        title: `${author.name} on ${taskTitle}`,
        text: excerpt(message.body),
      },
    });
  }
}

/** Each once, and never the author. */
function recipientsOf(author: Author, all: readonly Author[]): Recipient[] {
  const others = all.filter((one) => !isSame(one, author));
  const byId = new Map(others.map((one) => [one.agent ?? one.member, recipientOf(one)]));
  return [...byId.values()].filter((recipient) => recipient !== null);
}

function isSame(one: Author, other: Author): boolean {
  return one.agent === other.agent && one.member === other.member && one.key === other.key;
}
