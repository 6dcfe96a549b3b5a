import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { AgentEntity } from '@houston/common/db/entities/agent.entity.js';
import { looksLikeId } from '../http/uuid.js';

export type NewAgent = Pick<AgentEntity, 'id' | 'name' | 'description' | 'metadata'>;

export interface AgentFilter {
  /** A part of the name or the description. */
  q?: string;
  afterName: string | null;
  limit: number;
}

/** The agents of an organization. */
@Injectable()
export class AgentStore {
  /** @param ref name or id */
  find(tx: Tx, ref: string): Promise<AgentEntity | null> {
    return tx.manager.findOne(AgentEntity, { where: whereRef(ref) });
  }

  /** As `find`, and nobody else changes it until the transaction ends. */
  lock(tx: Tx, ref: string): Promise<AgentEntity | null> {
    return tx.manager.findOne(AgentEntity, { where: whereRef(ref), lock: { mode: 'pessimistic_write' } });
  }

  /** In order of the name. */
  list(tx: Tx, { q, afterName, limit }: AgentFilter): Promise<AgentEntity[]> {
    const query = tx.manager
      .createQueryBuilder(AgentEntity, 'a')
      .orderBy('a.name')
      .limit(limit + 1);
    if (q !== undefined) {
      query.andWhere('(position(lower(:q) in lower(a.name)) > 0 or position(lower(:q) in lower(a.description)) > 0)', {
        q,
      });
    }
    if (afterName !== null) query.andWhere('a.name > :afterName', { afterName });
    return query.getMany();
  }

  /** @returns false when the name is taken, or the id */
  async insert(tx: Tx, { id, name, description, metadata }: NewAgent): Promise<boolean> {
    const rows = await tx.query(
      `insert into agents (organization_id, id, name, description, metadata) values ($1, $2, $3, $4, $5)
       on conflict do nothing returning id`,
      [tx.organizationId, id, name, description, JSON.stringify(metadata)],
    );
    return rows.length === 1;
  }
}

/** A name of the shape of an id can only come from an execution that registered it; the id is meant first. */
function whereRef(ref: string): ({ id: string } | { name: string })[] {
  return looksLikeId(ref) ? [{ id: ref }, { name: ref }] : [{ name: ref }];
}
