import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import { EVENT_COLUMNS, type LedgerEvent } from '@houston/common/events/event-reader.js';

export interface EventFilter {
  /** A type, or its beginning and a star. */
  type?: string;
  subject?: string;
  from?: string;
  to?: string;
  /** Continue below this seq. */
  before?: string;
  limit: number;
}

/** The ledger as a list. */
@Injectable()
export class EventStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Newest first, one more than asked for. @param shared with the acts of the whole organization */
  list(scope: WorkspaceScope, shared: boolean, filter: EventFilter): Promise<LedgerEvent[]> {
    const parameters = [
      scope.organizationId,
      scope.workspaceId,
      filter.type?.replace(/\*$/, '') ?? '',
      filter.type === undefined || filter.type.endsWith('*'),
      filter.subject ?? null,
      filter.from ?? null,
      filter.to ?? null,
      filter.before ?? null,
      filter.limit + 1,
    ];
    if (!shared) return this.db.inWorkspace(scope, (tx) => tx.query(page('workspace_id = $2'), parameters));
    const both = `select * from ((${page('workspace_id = $2')}) union all (${page('workspace_id is null')})) e
                   order by seq desc limit $9`;
    return this.db.inOrganization(scope.organizationId, (tx) => tx.query(both, parameters));
  }
}

function page(whose: string): string {
  return `select ${EVENT_COLUMNS} from events
           where organization_id = $1 and ${whose} and case when $4 then starts_with(type, $3) else type = $3 end
             and ($5::text is null or subject = $5)
             and ($6::timestamptz is null or time >= $6) and ($7::timestamptz is null or time < $7)
             and ($8::bigint is null or seq < $8)
           order by seq desc limit $9`;
}
