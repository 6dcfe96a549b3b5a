import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';

export interface Ticket {
  workspaceId: string;
  agentId: string;
  keyHash: string;
}

export interface NewTicket {
  id: string;
  hash: string;
  agentId: string;
  keyId: string;
  seconds: number;
}

@Injectable()
export class TicketStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** @returns when it expires */
  async insert(tx: Tx, { id, hash, agentId, keyId, seconds }: NewTicket): Promise<Date> {
    const [row] = await tx.query<{ expires_at: Date }>(
      `insert into agent_connect_tickets (organization_id, workspace_id, id, ticket_hash, agent_id, key_id, expires_at)
       values ($1, $2, $3, $4, $5, $6, now() + make_interval(secs => $7)) returning expires_at`,
      [tx.organizationId, tx.workspaceId, id, hash, agentId, keyId, seconds],
    );
    if (!row) throw new Error('A ticket was not inserted');
    return row.expires_at;
  }

  /** Takes a ticket away: of two who present it, one gets it. @returns null when there is none, or it has expired */
  async consume(organizationId: string, hash: string): Promise<Ticket | null> {
    const [ticket] = await this.db.inOrganization(organizationId, (tx) =>
      tx.query<Ticket>(
        `with taken as (
           delete from agent_connect_tickets where organization_id = $1 and ticket_hash = $2
           returning workspace_id, agent_id, key_id, expires_at)
         select t.workspace_id as "workspaceId", t.agent_id as "agentId", k.key_hash as "keyHash"
           from taken t join api_keys k on k.organization_id = $1 and k.id = t.key_id where t.expires_at > now()`,
        [organizationId, hash],
      ),
    );
    return ticket ?? null;
  }
}
