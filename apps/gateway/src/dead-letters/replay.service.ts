import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import type { Caller } from '../http/caller.js';
import { invalid, Problem } from '../http/problem.js';
import { MAX_REPLAY, type ReplayDto } from './dead-letter.dto.js';
import { DeadLetterService } from './dead-letter.service.js';
import { DeadLetterStore } from './dead-letter.store.js';
import { type DeadLetterRow, deadLetterView, type ReplayView } from './dead-letter.view.js';
import { TaskReplayService } from './task-replay.service.js';

const MS_PER_SECOND = 1_000;

/** Tries much again that was given up: tasks in one transaction, messages each by itself. */
@Injectable()
export class ReplayService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(DeadLetterStore) private readonly store: DeadLetterStore,
    @Inject(DeadLetterService) private readonly letters: DeadLetterService,
    @Inject(TaskReplayService) private readonly tasks: TaskReplayService,
  ) {}

  /** Up to 1,000, each after the one before, at the rate. @throws Problem invalid_values */
  async replayMany(caller: Caller, body: ReplayDto): Promise<ReplayView> {
    const { ids, filter, ratePerSecond, preview } = body;
    if ((ids === undefined) === (filter === undefined)) throw invalid('ids', 'Send either ids or filter.');
    if (filter?.tag !== undefined && filter.kind !== 'task') throw invalid('filter.tag', 'Only tasks have tags.');
    const gapMs = ratePerSecond === undefined ? 0 : MS_PER_SECOND / ratePerSecond;
    const tasks = await this.replayTasks(caller, body, gapMs);
    const chosen = await this.messagesOf(caller, body);
    const replayed = preview ? chosen : await this.replayMessages(caller, chosen, gapMs, tasks.length);
    const done = [...tasks, ...replayed];
    const doneIds = new Set(done.map(({ id }) => id));
    return {
      preview,
      count: done.length,
      items: done.map((letter, n) => {
        const { referenceId, taskId } = deadLetterView(letter);
        const { id, kind, reason } = letter;
        return { id, kind, referenceId, taskId, reason, delayMs: Math.round(n * gapMs) };
      }),
      skipped: (ids ?? chosen.map(({ id }) => id)).filter((id) => !doneIds.has(id.toLowerCase())),
    };
  }

  private async replayTasks(caller: Caller, { ids, filter, preview }: ReplayDto, gapMs: number) {
    if (filter !== undefined && filter.kind !== 'task') return [];
    const { reason = null, tag = null, from = null, to = null } = filter ?? {};
    const choice = { ids: ids ?? null, reason, tag, from, to, limit: MAX_REPLAY };
    return this.tasks.replayMany(caller, choice, gapMs, preview);
  }

  private async messagesOf(caller: Caller, { ids, filter }: ReplayDto): Promise<DeadLetterRow[]> {
    if (filter?.kind === 'task') return [];
    const { kind = null, reason = null, from = null, to = null } = filter ?? {};
    const choice = { ids: ids ?? null, kind, reason, from, to, limit: MAX_REPLAY };
    return this.db.inWorkspace(caller, (tx) => this.store.chooseMessages(tx, choice));
  }

  /** @returns those that could be sent again */
  private async replayMessages(caller: Caller, chosen: readonly DeadLetterRow[], gapMs: number, before: number) {
    const replayed: DeadLetterRow[] = [];
    for (const { id } of chosen) {
      try {
        replayed.push(await this.letters.replay(caller, id, Math.round((before + replayed.length) * gapMs)));
      } catch (error) {
        // Decided by somebody else meanwhile, or to nobody who wants it: the others go on.
        if (!(error instanceof Problem)) throw error;
      }
    }
    return replayed;
  }
}
