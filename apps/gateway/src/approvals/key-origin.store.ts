import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Party } from '@houston/common/domain/approval-deciders.js';

interface KeyRow {
  id: string;
  agent_id: string | null;
  member_id: string | null;
  role: string;
  created_by: string;
}

const MAKER = /^key:([0-9a-f-]{36})$/;
/** Longer than any line of keys that people make; an end to a line that bites its tail. */
const MAX_GENERATIONS = 64;

/** Whose hands a key comes from. */
@Injectable()
export class KeyOriginStore {
  /**
   * Whom a key stands for. A key of an agent or a member stands for them. One that is bound to nobody stands for whoever
   * made it, so that nobody multiplies themselves, unless that was an owner: owners hand keys out to others, and are not
   * held back by any. A key of the role agent stands for itself: what works asks, and whoever runs it decides.
   */
  async originOf(tx: Tx, keyId: string): Promise<Party> {
    let key = await this.find(tx, keyId);
    for (let count = 0; key !== null && isNobodys(key) && count < MAX_GENERATIONS; count += 1) {
      const makerId = MAKER.exec(key.created_by)?.[1];
      const maker: KeyRow | null = makerId === undefined ? null : await this.find(tx, makerId);
      if (maker === null || maker.role === 'owner') break;
      key = maker;
    }
    return key === null
      ? { keyId, agentId: null, memberId: null }
      : { keyId: key.id, agentId: key.agent_id, memberId: key.member_id };
  }

  private async find(tx: Tx, id: string): Promise<KeyRow | null> {
    const [row] = await tx.query<KeyRow>(
      'select id, agent_id, member_id, role, created_by from api_keys where organization_id = $1 and id = $2',
      [tx.organizationId, id],
    );
    return row ?? null;
  }
}

function isNobodys({ agent_id, member_id, role }: KeyRow): boolean {
  return agent_id === null && member_id === null && role !== 'agent';
}
