import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { InboxStore } from '../notifications/inbox.store.js';
import { inboxItemView } from '../notifications/notification.view.js';
import { Signals } from '../signals/signals.js';
import type { Session } from './session.js';

/** Handed over in one transaction, at the most. */
const BATCH = 50;

/**
 * Hands connected agents what they are notified of. One instance of an agent gets each; what nobody is connected for stays in
 * the agent's inbox, where it can be read in any case.
 */
@Injectable()
export class Post implements OnApplicationBootstrap {
  private readonly logger = new Logger('agent sockets');
  private readonly byAgent = new Map<string, Set<Session>>();
  private readonly underWay = new Map<Session, Promise<void>>();

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(InboxStore) private readonly inbox: InboxStore,
    @Inject(Signals) private readonly signals: Signals,
  ) {}

  onApplicationBootstrap(): void {
    this.signals.on('agentNotified', (agentId) => this.look(agentId));
  }

  add(session: Session): void {
    const sessions = this.byAgent.get(session.agent.id) ?? new Set();
    this.byAgent.set(session.agent.id, sessions.add(session));
    this.begin(session);
  }

  remove(session: Session): void {
    const sessions = this.byAgent.get(session.agent.id);
    sessions?.delete(session);
    if (sessions?.size === 0) this.byAgent.delete(session.agent.id);
  }

  /** Hands over what waits. @param agentId null: for any agent, because signals may have been lost */
  look(agentId: string | null): void {
    const agents = agentId === null ? [...this.byAgent.values()] : [this.byAgent.get(agentId) ?? []];
    for (const session of agents.flatMap((sessions) => [...sessions])) this.begin(session);
  }

  private begin(session: Session): void {
    const before = this.underWay.get(session) ?? Promise.resolve();
    const turn = before
      .then(() => this.handOver(session))
      .catch((error: unknown) => this.logger.warn({ msg: 'cannot hand over notifications', err: error }))
      .finally(() => {
        if (this.underWay.get(session) === turn) this.underWay.delete(session);
      });
    this.underWay.set(session, turn);
  }

  /** Said before it is marked: what a crash cuts off is said again, under the same id. */
  private async handOver(session: Session): Promise<void> {
    let handed = BATCH;
    while (handed === BATCH && session.socket.isOpen) {
      handed = await this.db.inWorkspace(session.caller, async (tx) => {
        const rows = await this.inbox.lockUntaken(tx, session.agent.id, BATCH);
        const taken = rows.filter((row) => session.socket.send({ type: 'notification', item: inboxItemView(row) }));
        await this.inbox.take(
          tx,
          session.agent.id,
          taken.map((row) => row.id),
        );
        return taken.length;
      });
    }
  }
}
