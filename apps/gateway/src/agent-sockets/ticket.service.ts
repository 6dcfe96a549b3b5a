import { createHash, randomBytes } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { Database } from '@houston/common/db/database.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Authenticator } from '../http/authenticator.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import { requireOwnAgent } from '../tasks/bearer.js';
import type { Admitted } from './sessions.js';
import { TicketStore } from './ticket.store.js';

const TICKET_SECONDS = 60;
/** The organization first: without it nobody could look behind the walls for the rest. */
const TICKET = /^hct_([0-9a-f]{32})_([0-9A-Za-z_-]{43})$/;

/** One-time tickets for clients that cannot send headers with a WebSocket. */
@Injectable()
export class TicketService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TicketStore) private readonly store: TicketStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  /** @throws Problem not_found, forbidden */
  async create(caller: Caller, agentRef: string): Promise<{ ticket: string; expiresAt: Date }> {
    const agent = await this.agents.find(caller.organizationId, agentRef);
    if (!agent) throw notFound();
    requireOwnAgent(caller, agent.id);
    const ticket = `hct_${caller.organizationId.replaceAll('-', '')}_${randomBytes(32).toString('base64url')}`;
    const { keyId } = caller;
    const row = { id: newId(), hash: hashOf(ticket), agentId: agent.id, keyId, seconds: TICKET_SECONDS };
    const expiresAt = await this.db.inWorkspace(caller, (tx) => this.store.insert(tx, row));
    return { ticket, expiresAt };
  }

  /**
   * Uses a ticket up.
   *
   * @param address counted as a failed login where the ticket is of no use
   * @throws Problem unauthenticated, too_many_failures
   */
  async consume(ticket: string, address: string): Promise<Admitted> {
    const organizationId = TICKET.exec(ticket)?.[1];
    if (organizationId === undefined) return this.authenticator.refuse(ticket, address);
    const found = await this.store.consume(dashed(organizationId), hashOf(ticket));
    const caller = found && (await this.authenticator.again(found.keyHash, found.workspaceId));
    if (!caller) return this.authenticator.refuse(ticket, address);
    return { caller, keyHash: found.keyHash, agentId: found.agentId };
  }
}

function hashOf(ticket: string): string {
  return createHash('sha256').update(ticket).digest('hex');
}

function dashed(hex: string): string {
  return hex.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
