import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Caller } from '../http/caller.js';
import type { Author } from './author.js';

/** Tells who a caller is, for others to read. */
@Injectable()
export class AuthorStore {
  async of(tx: Tx, { agentId, memberId, keyId, keyName }: Caller): Promise<Author> {
    if (agentId !== null) return { agent: agentId, name: await this.nameOf(tx, 'agents', agentId) };
    if (memberId !== null) return { member: memberId, name: await this.nameOf(tx, 'members', memberId) };
    return { key: keyId, name: keyName };
  }

  private async nameOf(tx: Tx, table: 'agents' | 'members', id: string): Promise<string> {
    const [row] = await tx.query<{ name: string }>(`select name from ${table} where id = $1`, [id]);
    if (!row) throw new Error(`Whoever calls is in no row of ${table}: ${id}`);
    return row.name;
  }
}
