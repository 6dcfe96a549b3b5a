import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import { type InboxFilter, InboxStore } from './inbox.store.js';
import type { NotificationRow } from './notification.row.js';

/** The inbox of whoever the key belongs to: a member or an agent. A key of neither has an empty one. */
@Injectable()
export class InboxService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(InboxStore) private readonly store: InboxStore,
  ) {}

  list(caller: Caller, filter: InboxFilter): Promise<NotificationRow[]> {
    const owner = ownerOf(caller);
    if (owner === null) return Promise.resolve([]);
    return this.db.inWorkspace(caller, async (tx) => {
      const rows = await this.store.list(tx, owner, filter);
      const shown = rows.slice(0, filter.limit).map((row) => row.id);
      if (caller.agentId !== null) await this.store.take(tx, owner, shown);
      return rows;
    });
  }

  /** Doing it again changes nothing. @throws Problem not_found */
  async mark(caller: Caller, id: string, what: 'read' | 'archived'): Promise<NotificationRow> {
    const owner = ownerOf(caller);
    if (owner === null) throw notFound();
    return this.db.inWorkspace(caller, async (tx) => {
      if (caller.agentId !== null) await this.store.take(tx, owner, [id]);
      const row = await this.store.mark(tx, owner, id, what);
      if (row === null) throw notFound();
      return row;
    });
  }
}

function ownerOf({ memberId, agentId }: Caller): string | null {
  return memberId ?? agentId;
}
