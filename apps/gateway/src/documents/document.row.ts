import type { Author } from '../authors/author.js';

export const DOCUMENT_TYPES = ['deliverable', 'research', 'protocol', 'note', 'summary'] as const;

export type DocumentType = (typeof DOCUMENT_TYPES)[number];

/** A document without its text. */
export interface DocumentRow {
  id: string;
  task_id: string | null;
  type: DocumentType;
  title: string;
  version: number;
  author: Author;
  created_at: Date;
  updated_at: Date;
}

export interface DocumentVersionRow {
  version: number;
  type: DocumentType;
  title: string;
  body: string;
  author: Author;
  created_at: Date;
}

/** What an author decides. */
export type DocumentText = Pick<DocumentVersionRow, 'type' | 'title' | 'body'>;
