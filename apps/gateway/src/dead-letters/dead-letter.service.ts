import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import { DeliveryService } from '../webhooks/delivery.service.js';
import { Wakeups } from '../webhooks/wakeups.js';
import { DeadLetterStore } from './dead-letter.store.js';
import { type DeadLetterDetailView, type DeadLetterRow, deadLetterView } from './dead-letter.view.js';

/** Decides about work that was given up: try again, or let it be. Each dead letter is decided once. */
@Injectable()
export class DeadLetterService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeadLetterStore) private readonly store: DeadLetterStore,
    @Inject(DeliveryService) private readonly deliveries: DeliveryService,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
  ) {}

  list(caller: Caller, filter: { status: string; afterId: string | null; limit: number }): Promise<DeadLetterRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** With everything that was tried. @throws Problem not_found */
  find(caller: Caller, id: string): Promise<DeadLetterDetailView> {
    return this.db.inWorkspace(caller, async (tx) => {
      const letter = await this.present(tx, id);
      return { ...deadLetterView(letter), attempts: await this.deliveries.history(tx, letter.delivery_id) };
    });
  }

  /** New attempts under the schedule as it is now. @throws Problem not_found, conflict */
  async replay(caller: Caller, id: string): Promise<DeadLetterRow> {
    const { letter, wakeup } = await this.db.inWorkspace(caller, async (tx) => {
      const { delivery_id: deliveryId } = await this.open(tx, id);
      // The delivery before its dead letter, as the notifier locks them.
      await this.deliveries.lockForRestart(tx, deliveryId);
      const resolved = await this.resolve(tx, caller, id, 'replayed');
      return { letter: resolved, wakeup: await this.deliveries.restart(tx, caller, deliveryId) };
    });
    await this.wakeups.add(wakeup);
    await this.wakeups.takeDown(id);
    return letter;
  }

  /** Discarding again changes nothing. @throws Problem not_found, conflict when it was replayed */
  async discard(caller: Caller, id: string): Promise<void> {
    await this.db.inWorkspace(caller, async (tx) => {
      const letter = await this.present(tx, id);
      if (letter.status !== 'discarded') await this.resolve(tx, caller, id, 'discarded');
    });
    await this.wakeups.takeDown(id);
  }

  private async resolve(tx: Tx, caller: Caller, id: string, status: 'replayed' | 'discarded'): Promise<DeadLetterRow> {
    const letter = await this.store.resolve(tx, id, status, caller.actor);
    if (letter === null) throw notOpen((await this.present(tx, id)).status);
    const { kind, reason, delivery_id: deliveryId, summary } = letter;
    await appendEvent(tx, {
      type: `dead_letter.${status}`,
      actor: caller.actor,
      subject: `dead_letter:${id}`,
      data: { deadLetterId: id, kind, reason, deliveryId, summary },
    });
    return letter;
  }

  private async open(tx: Tx, id: string): Promise<DeadLetterRow> {
    const letter = await this.present(tx, id);
    if (letter.status !== 'open') throw notOpen(letter.status);
    return letter;
  }

  private async present(tx: Tx, id: string): Promise<DeadLetterRow> {
    const letter = await this.store.find(tx, id);
    if (!letter) throw notFound();
    return letter;
  }
}

function notOpen(status: string): Problem {
  return new Problem('conflict', { detail: `This dead letter is decided: it was ${status}.` });
}
