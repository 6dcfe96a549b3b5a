import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import { DeliveryService } from '../webhooks/delivery.service.js';
import { Wakeups } from '../webhooks/wakeups.js';
import { type DeadLetterFilter, DeadLetterStore } from './dead-letter.store.js';
import {
  type DeadLetterDetailView,
  type DeadLetterRow,
  deadLetterView,
  type ListedDeadLetterView,
} from './dead-letter.view.js';
import { NotificationReplayService } from './notification-replay.service.js';
import { TaskLetterStore } from './task-letter.store.js';
import { TaskReplayService } from './task-replay.service.js';

/** Decides about work that was given up: try again, or let it be. Each dead letter is decided once. */
@Injectable()
export class DeadLetterService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeadLetterStore) private readonly store: DeadLetterStore,
    @Inject(DeliveryService) private readonly deliveries: DeliveryService,
    @Inject(TaskLetterStore) private readonly taskLetters: TaskLetterStore,
    @Inject(TaskReplayService) private readonly replayer: TaskReplayService,
    @Inject(NotificationReplayService) private readonly notifications: NotificationReplayService,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
  ) {}

  list(caller: Caller, filter: DeadLetterFilter): Promise<ListedDeadLetterView[]> {
    return this.db.inWorkspace(caller, async (tx) => {
      const letters = await this.store.list(tx, filter);
      const histories = await this.taskLetters.histories(
        tx,
        letters.flatMap((letter) => (letter.task_id === null ? [] : [letter.task_id])),
      );
      return letters.map((letter) => {
        const view = deadLetterView(letter);
        return letter.task_id === null ? view : { ...view, attempts: histories.get(letter.task_id) ?? [] };
      });
    });
  }

  /** With everything that was tried. @throws Problem not_found */
  find(caller: Caller, id: string): Promise<DeadLetterDetailView> {
    return this.db.inWorkspace(caller, async (tx) => {
      const letter = await this.present(tx, id);
      return { ...deadLetterView(letter), attempts: await this.historyOf(tx, letter) };
    });
  }

  /**
   * New attempts under the schedule as it is now.
   * @param delayMs milliseconds until a message is sent; a task is free at once
   * @throws Problem not_found, conflict
   */
  async replay(caller: Caller, id: string, delayMs = 0): Promise<DeadLetterRow> {
    const letter = await this.db.inWorkspace(caller, (tx) => this.open(tx, id));
    const { task_id: taskId, delivery_id: deliveryId, notification_id: notificationId } = letter;
    if (taskId !== null) {
      const replayed = await this.replayer.replay(caller, id, taskId);
      if (!replayed) throw await this.decided(caller, id);
      await this.wakeups.takeDown(id);
      return replayed;
    }
    const restarting = deliveryId ?? notificationId;
    if (restarting === null) throw new Error(`Dead letter ${id} is of nothing`);
    const room = deliveryId === null ? this.notifications : this.deliveries;
    return this.replayMessage(caller, { id, messageId: restarting, delayMs }, room);
  }

  private async replayMessage(
    caller: Caller,
    { id, messageId, delayMs }: { id: string; messageId: string; delayMs: number },
    room: Pick<DeliveryService | NotificationReplayService, 'lockForRestart' | 'restart'>,
  ): Promise<DeadLetterRow> {
    const { letter, wakeup } = await this.db.inWorkspace(caller, async (tx) => {
      await this.open(tx, id);
      // What is delivered before its dead letter, as the notifier locks them.
      await room.lockForRestart(tx, messageId);
      const resolved = await this.resolve(tx, caller, id, 'replayed');
      return { letter: resolved, wakeup: await room.restart(tx, caller, messageId, delayMs) };
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

  private async historyOf(tx: Tx, letter: DeadLetterRow): Promise<DeadLetterDetailView['attempts']> {
    if (letter.delivery_id !== null) return this.deliveries.history(tx, letter.delivery_id);
    if (letter.notification_id !== null) return this.notifications.history(tx, letter.notification_id);
    const taskId = letter.task_id ?? '';
    return (await this.taskLetters.histories(tx, [taskId])).get(taskId) ?? [];
  }

  private async decided(caller: Caller, id: string): Promise<Problem> {
    return notOpen((await this.db.inWorkspace(caller, (tx) => this.present(tx, id))).status);
  }

  private async resolve(tx: Tx, caller: Caller, id: string, status: 'replayed' | 'discarded'): Promise<DeadLetterRow> {
    const letter = await this.store.resolve(tx, id, status, caller.actor);
    if (letter === null) throw notOpen((await this.present(tx, id)).status);
    const { kind, reason, summary } = letter;
    await appendEvent(tx, {
      type: `dead_letter.${status}`,
      actor: caller.actor,
      subject: `dead_letter:${id}`,
      data: { deadLetterId: id, kind, reason, summary, ...referenceOf(letter) },
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

function referenceOf(letter: DeadLetterRow): Record<string, string | null> {
  const { task_id: taskId, delivery_id: deliveryId, notification_id: notificationId } = letter;
  if (taskId !== null) return { taskId };
  return notificationId === null ? { deliveryId } : { notificationId };
}

function notOpen(status: string): Problem {
  return new Problem('conflict', { detail: `This dead letter is decided: it was ${status}.` });
}
