import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Author } from '../authors/author.js';
import { AuthorStore } from '../authors/author.store.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import type { CreateDocumentDto, UpdateDocumentDto } from './document.dto.js';
import type { DocumentRow, DocumentVersionRow } from './document.row.js';
import { type DocumentFilter, DocumentStore } from './document.store.js';

const MAX_VERSIONS = 1_000;
/** As much text as one page of versions carries, unless a single version is longer. */
const PAGE_BYTES = 4 * 1_048_576;

type Document = DocumentRow & { body: string };

/** What agents and people write down. Nothing of it is ever overwritten. */
@Injectable()
export class DocumentService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DocumentStore) private readonly store: DocumentStore,
    @Inject(AuthorStore) private readonly authors: AuthorStore,
  ) {}

  /** @throws Problem invalid_values */
  create(caller: Caller, { taskId, type, title, body }: CreateDocumentDto, { id }: CreationId): Promise<Document> {
    return this.db.inWorkspace(caller, async (tx) => {
      if (taskId !== undefined && !(await this.store.hasTask(tx, taskId))) {
        throw invalid('taskId', 'No task of this workspace has this id.');
      }
      const author = await this.authors.of(tx, caller);
      const row = { id, task_id: taskId ?? null, type, title, body, author, created_by: caller.actor };
      const isNew = await this.store.insert(tx, row);
      const document = await this.present(tx, id);
      if (isNew) await this.tell(tx, caller, 'document.created', document, author);
      return document;
    });
  }

  list(caller: Caller, filter: DocumentFilter): Promise<(DocumentRow & { sort_key: string })[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<Document> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  /** What changes nothing makes no version. @throws Problem not_found, precondition_failed, conflict */
  update(caller: Caller, id: string, body: UpdateDocumentDto, ifMatch: string | undefined): Promise<Document> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.store.lock(tx, id);
      const before = await this.present(tx, id);
      requireMatch(ifMatch, before.version);
      const text = {
        type: body.type ?? before.type,
        title: body.title ?? before.title,
        body: body.body ?? before.body,
      };
      if (text.type === before.type && text.title === before.title && text.body === before.body) return before;
      if (before.version >= MAX_VERSIONS) {
        throw new Problem('conflict', {
          detail: `It has ${MAX_VERSIONS} versions, the most there can be; begin another.`,
        });
      }
      const author = await this.authors.of(tx, caller);
      await this.store.update(tx, id, before.version + 1, text, author);
      const document = await this.present(tx, id);
      await this.tell(tx, caller, 'document.updated', document, author, { changed: Object.keys(body) });
      return document;
    });
  }

  /**
   * A page of versions, latest first: `limit` of them, or fewer where their texts are long.
   *
   * @returns one more than the page has, when there are more
   * @throws Problem not_found
   */
  versions(
    caller: Caller,
    id: string,
    below: number | null,
    limit: number,
  ): Promise<{ rows: DocumentVersionRow[]; limit: number }> {
    return this.db.inWorkspace(caller, async (tx) => {
      if (!(await this.store.find(tx, id))) throw notFound();
      const fitting = fittingOf(await this.store.sizes(tx, id, below, limit));
      return { rows: await this.store.versions(tx, id, below, fitting + 1), limit: fitting };
    });
  }

  private async present(tx: Tx, id: string): Promise<Document> {
    const document = await this.store.find(tx, id);
    if (!document) throw notFound();
    return document;
  }

  private async tell(tx: Tx, caller: Caller, type: string, document: Document, author: Author, more: object = {}) {
    const { id, title, version, task_id: taskId } = document;
    await appendEvent(tx, {
      ...{ type, actor: caller.actor, subject: `document:${id}` },
      data: {
        documentId: id,
        ...(taskId ? { taskId } : {}),
        title,
        version,
        documentType: document.type,
        author,
        ...more,
      },
    });
  }
}

/** How many of these sizes fit into one page; one at the least. */
function fittingOf(sizes: readonly number[]): number {
  let bytes = 0;
  const over = sizes.findIndex((size) => (bytes += size) > PAGE_BYTES);
  return Math.max(1, over === -1 ? sizes.length : over);
}
