import { createHash } from 'node:crypto';
import { ApiPropertyOptional } from '@nestjs/swagger';
import { Type } from 'class-transformer';
import { IsInt, IsOptional, IsString, Max, MaxLength, Min } from 'class-validator';
import { invalid } from './problem.js';

export const MAX_PAGE = 200;
const DEFAULT_PAGE = 50;

/** `?limit=&cursor=` of every list. */
export class PageQuery {
  @ApiPropertyOptional({ description: 'Items per page', minimum: 1, maximum: MAX_PAGE, default: DEFAULT_PAGE })
  @IsOptional()
  @Type(() => Number)
  @IsInt()
  @Min(1)
  @Max(MAX_PAGE)
  limit: number = DEFAULT_PAGE;

  @ApiPropertyOptional({ description: '`nextCursor` of the page before' })
  @IsOptional()
  @IsString()
  @MaxLength(500)
  cursor?: string;
}

export interface Page<T> {
  items: T[];
  nextCursor: string | null;
}

/**
 * One page out of `limit + 1` rows.
 *
 * @param binding what the cursor belongs to (workspace and filters): it cannot be carried elsewhere
 */
export function pageOf<Row, Item>(
  rows: Row[],
  limit: number,
  binding: unknown,
  keyOf: (row: Row) => readonly string[],
  view: (row: Row) => Item,
): Page<Item> {
  const items = rows.slice(0, limit);
  const last = items.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { items: items.map(view), nextCursor: more ? encodeCursor(keyOf(last), binding) : null };
}

function encodeCursor(key: readonly string[], binding: unknown): string {
  return Buffer.from(JSON.stringify([digest(binding), ...key])).toString('base64url');
}

/** The sort key to continue after, or null on the first page. */
export function readCursor(cursor: string | undefined, binding: unknown, parts: number): string[] | null {
  if (cursor === undefined) return null;
  const fault = () => invalid('cursor', 'Use the nextCursor of a page with the same filters, or leave it out.');
  let key: unknown;
  try {
    key = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
  } catch {
    throw fault();
  }
  if (!Array.isArray(key) || key.length !== parts + 1 || !key.every((part) => typeof part === 'string')) throw fault();
  if (key[0] !== digest(binding)) throw fault();
  return key.slice(1) as string[];
}

function digest(binding: unknown): string {
  return createHash('sha256').update(JSON.stringify(binding)).digest('base64url').slice(0, 12);
}
