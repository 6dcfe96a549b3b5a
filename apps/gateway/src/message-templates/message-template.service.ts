import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { isUniqueViolation } from '@houston/common/db/postgres-error.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { looksLikeId } from '../http/uuid.js';
import type { CreateMessageTemplateDto, UpdateMessageTemplateDto } from './message-template.dto.js';
import type { MessageTemplateRow, TemplateColumns } from './message-template.row.js';
import { MessageTemplateStore } from './message-template.store.js';

/** What is said to agents again and again. */
@Injectable()
export class MessageTemplateService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(MessageTemplateStore) private readonly store: MessageTemplateStore,
  ) {}

  list(caller: Caller, afterName: string | null, limit: number): Promise<MessageTemplateRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, afterName, limit));
  }

  /** @throws Problem not_found */
  async find(caller: Caller, id: string): Promise<MessageTemplateRow> {
    const row = await this.db.inWorkspace(caller, (tx) => this.store.find(tx, id));
    if (!row) throw notFound();
    return row;
  }

  /** @throws Problem already_exists, invalid_values */
  create(caller: Caller, body: CreateMessageTemplateDto, { id, mayExist }: CreationId): Promise<MessageTemplateRow> {
    const columns = changed(null, body);
    return this.db.inWorkspace(caller, async (tx) => {
      const isNew = await this.store.insert(tx, id, columns, caller.actor);
      const row = await this.store.find(tx, id);
      if (!row || (!isNew && !mayExist)) throw taken(body.name);
      if (isNew) await this.tell(tx, caller, 'message_template.created', row, {});
      return row;
    });
  }

  /** @throws Problem not_found, precondition_failed, already_exists, invalid_values */
  async update(
    caller: Caller,
    id: string,
    body: UpdateMessageTemplateDto,
    ifMatch: string | undefined,
  ): Promise<MessageTemplateRow> {
    try {
      return await this.db.inWorkspace(caller, async (tx) => {
        const before = await this.store.lock(tx, id);
        if (!before) throw notFound();
        requireMatch(ifMatch, before.version);
        const row = await this.store.update(tx, id, changed(before, body));
        await this.tell(tx, caller, 'message_template.updated', row, { changed: Object.keys(body) });
        return row;
      });
    } catch (error) {
      if (isUniqueViolation(error)) throw taken(body.name ?? '');
      throw error;
    }
  }

  /** Messages that were made from it stay as they are. @throws Problem not_found, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      const row = await this.store.lock(tx, id);
      if (!row) throw notFound();
      requireMatch(ifMatch, row.version);
      await this.store.remove(tx, id);
      await this.tell(tx, caller, 'message_template.deleted', row, {});
    });
  }

  private async tell(tx: Tx, caller: Caller, type: string, { id, name }: MessageTemplateRow, data: object) {
    const subject = `message_template:${id}`;
    await appendEvent(tx, { type, actor: caller.actor, subject, data: { templateId: id, name, ...data } });
  }
}

function taken(name: string): Problem {
  return new Problem('already_exists', { detail: `Another template is called ${name}.` });
}

/** What is named changes; a time for the acknowledgement asks for one, and goes with it. @throws Problem invalid_values */
function changed(before: MessageTemplateRow | null, body: UpdateMessageTemplateDto): TemplateColumns {
  const { name = before?.name ?? '', body: text = before?.body ?? '' } = body;
  if (looksLikeId(name)) throw invalid('name', 'It looks like an id; choose another.');
  const { type = before?.type ?? 'info', priority = before?.priority ?? 'normal' } = body;
  const { requiresAck, ackWithinSeconds, subject = before?.subject ?? null } = body;
  if (requiresAck === false && typeof ackWithinSeconds === 'number') {
    throw invalid('ackWithinSeconds', 'What needs no acknowledgement has no time for it.');
  }
  const keeps = requiresAck === false ? null : (before?.ack_within_seconds ?? null);
  const seconds = ackWithinSeconds === undefined ? keeps : ackWithinSeconds;
  const requires = requiresAck ?? (seconds !== null || before?.requires_ack === true);
  return { name, type, priority, subject, body: text, requires_ack: requires, ack_within_seconds: seconds };
}
