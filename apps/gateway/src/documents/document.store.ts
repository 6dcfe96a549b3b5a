import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Author } from '../authors/author.js';
import type { DocumentRow, DocumentText, DocumentType, DocumentVersionRow } from './document.row.js';

export interface DocumentFilter {
  taskId?: string;
  type?: DocumentType;
  /** createdAt (microseconds as text) and id of the last one of the page before. */
  after: string[] | null;
  limit: number;
}

interface NewDocument extends DocumentText {
  id: string;
  task_id: string | null;
  author: Author;
  created_by: string;
}

/** Documents of the transaction's workspace. */
@Injectable()
export class DocumentStore {
  async find(tx: Tx, id: string): Promise<(DocumentRow & { body: string }) | null> {
    const [row] = await tx.query<DocumentRow & { body: string }>(
      `select d.*, v.body from documents d
         join document_versions v on v.workspace_id = d.workspace_id and v.document_id = d.id and v.version = d.version
        where d.workspace_id = $1 and d.id = $2`,
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** Whoever reads it after this sees nothing of it change until the transaction ends. @returns false when there is none */
  async lock(tx: Tx, id: string): Promise<boolean> {
    const rows = await tx.query('select id from documents where workspace_id = $1 and id = $2 for no key update', [
      tx.workspaceId,
      id,
    ]);
    return rows.length === 1;
  }

  /** Newest first. `sort_key` is the exact creation, for the cursor. */
  list(tx: Tx, filter: DocumentFilter): Promise<(DocumentRow & { sort_key: string })[]> {
    const [afterTime, afterId] = filter.after ?? [null, null];
    return tx.query(
      `select d.*, (extract(epoch from d.created_at) * 1000000)::bigint::text as sort_key from documents d
        where d.workspace_id = $1 and ($2::uuid is null or d.task_id = $2) and ($3::text is null or d.type = $3)
          and ($4::bigint is null or (d.created_at, d.id) < (timestamptz 'epoch' + $4 * interval '1 microsecond', $5::uuid))
        order by d.created_at desc, d.id desc limit $6`,
      [tx.workspaceId, filter.taskId ?? null, filter.type ?? null, afterTime, afterId, filter.limit + 1],
    );
  }

  /** @returns false when the id is taken */
  async insert(tx: Tx, document: NewDocument): Promise<boolean> {
    const { id, task_id: taskId, type, title, author, created_by: createdBy } = document;
    const rows = await tx.query(
      `insert into documents (organization_id, workspace_id, id, task_id, type, title, author, created_by)
       values ($1, $2, $3, $4, $5, $6, $7, $8) on conflict (workspace_id, id) do nothing returning id`,
      [tx.organizationId, tx.workspaceId, id, taskId, type, title, JSON.stringify(author), createdBy],
    );
    if (rows.length === 0) return false;
    await this.insertVersion(tx, id, 1, document, author);
    return true;
  }

  /** To call under `lock`. */
  async update(tx: Tx, id: string, version: number, text: DocumentText, author: Author): Promise<void> {
    await tx.query(
      `update documents set version = $3, type = $4, title = $5, updated_at = clock_timestamp()
        where workspace_id = $1 and id = $2`,
      [tx.workspaceId, id, version, text.type, text.title],
    );
    await this.insertVersion(tx, id, version, text, author);
  }

  /** The sizes of versions in bytes, latest first. @param below only versions before this one */
  async sizes(tx: Tx, id: string, below: number | null, limit: number): Promise<number[]> {
    const rows = await tx.query<{ size: number }>(
      `select octet_length(body) as size from document_versions
        where workspace_id = $1 and document_id = $2 and ($3::int is null or version < $3)
        order by version desc limit $4`,
      [tx.workspaceId, id, below, limit],
    );
    return rows.map((row) => row.size);
  }

  /** Latest first. */
  versions(tx: Tx, id: string, below: number | null, limit: number): Promise<DocumentVersionRow[]> {
    return tx.query(
      `select version, type, title, body, author, created_at from document_versions
        where workspace_id = $1 and document_id = $2 and ($3::int is null or version < $3)
        order by version desc limit $4`,
      [tx.workspaceId, id, below, limit],
    );
  }

  /** Which of these ids are no documents of the workspace. */
  async missing(tx: Tx, ids: readonly string[]): Promise<string[]> {
    const rows = await tx.query<{ id: string }>(
      `select i.id from unnest($2::uuid[]) as i(id)
        where not exists (select from documents d where d.workspace_id = $1 and d.id = i.id)`,
      [tx.workspaceId, ids],
    );
    return rows.map((row) => row.id);
  }

  async hasTask(tx: Tx, id: string): Promise<boolean> {
    return (await tx.query('select from tasks where workspace_id = $1 and id = $2', [tx.workspaceId, id])).length > 0;
  }

  private async insertVersion(tx: Tx, id: string, version: number, text: DocumentText, author: Author): Promise<void> {
    await tx.query(
      `insert into document_versions (organization_id, workspace_id, document_id, version, type, title, body, author)
       values ($1, $2, $3, $4, $5, $6, $7, $8)`,
      [tx.organizationId, tx.workspaceId, id, version, text.type, text.title, text.body, JSON.stringify(author)],
    );
  }
}
