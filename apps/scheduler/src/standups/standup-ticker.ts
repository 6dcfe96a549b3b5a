import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { Database, type Tx } from '@houston/common/db/database.js';
import { featuresOf, workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { Duty } from '@houston/common/duties/duty.js';
import { type Cadence, nextTicks, ticksAfter } from '@houston/common/schedules/cadence.js';
import { standupReport } from '@houston/common/standups/standup-report.js';
import { keepStandup, sendWaitingStandups } from '@houston/common/standups/standup.store.js';
import { type NextStandup, type StandupClock, StandupClockStore } from './standup-clock.store.js';

const CLOCKS_PER_RUN = 50;

/**
 * Makes the stand-up of every workspace whose time has come, and sends what waited for the sender to be switched on. After
 * a pause of the scheduler only the last tick that was missed is made up for.
 */
@Injectable()
export class StandupTicker extends Duty {
  readonly name = 'standups';
  readonly interval = { busyMs: 500, idleMs: 1_000 };
  override readonly batchSize = CLOCKS_PER_RUN;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(StandupClockStore) private readonly store: StandupClockStore,
  ) {
    super();
  }

  async runOnce(): Promise<{ looked: number; sent: number }> {
    const counts = { looked: 0, sent: 0 };
    const errors: unknown[] = [];
    for (const organizationId of await this.db.organizationIds()) {
      const due = await this.db.inOrganization(organizationId, (tx) => this.store.due(tx, CLOCKS_PER_RUN));
      for (const workspaceId of due) {
        try {
          counts.sent += await this.db.inOrganization(organizationId, (tx) => this.look(tx, workspaceId));
          counts.looked += 1;
        } catch (error) {
          errors.push(error);
          await this.db.inOrganization(organizationId, (tx) => this.store.postpone(tx, workspaceId));
        }
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `Stand-ups failed for ${errors.length} workspaces`);
    return counts;
  }

  /** @returns how many stand-ups were sent */
  private async look(tx: Tx, workspaceId: string): Promise<number> {
    const clock = await this.store.lock(tx, workspaceId);
    if (!clock) return 0;
    const { name, settings, now, nextTickAt } = clock;
    const cadence = cadenceOf(clock);
    let sent = featuresOf(settings).standups ? await sendWaitingStandups(tx, workspaceId) : 0;
    if (cadence && nextTickAt && nextTickAt <= now) {
      const tickAt = lastTick(cadence, nextTickAt, now);
      const report = await standupReport(tx, { id: workspaceId, name, timezone: cadence.timezone }, tickAt);
      const made = { id: newId(), tickAt, origin: 'clock', createdBy: 'system' } as const;
      const kept = await keepStandup(tx, { id: workspaceId, settings }, report, made);
      if (kept?.status === 'sent') sent += 1;
    }
    await this.store.wind(tx, workspaceId, cadence && nextOf(clock, cadence));
    return sent;
  }
}

/** Null: no stand-ups. */
function cadenceOf({ settings, timezone: own, now }: StandupClock): Cadence | null {
  const { enabled, cron, timezone } = workspaceSettings(settings).standup;
  return enabled ? { cron, everySeconds: null, timezone: timezone ?? own, anchorAt: now, offsetMinutes: 0 } : null;
}

/** The last moment that has come, of those from the first on that nobody has decided about. */
function lastTick(cadence: Cadence, first: Date, now: Date): Date {
  let last = first;
  for (const tick of ticksAfter(cadence, first)) {
    if (tick > now) break;
    last = tick;
  }
  return last;
}

/** A tick that is still to come stays as it is, unless the settings name others now. */
function nextOf({ cadence: before, nextTickAt, now }: StandupClock, wanted: Cadence): NextStandup | null {
  const cadence = `${wanted.cron} ${wanted.timezone}`;
  if (nextTickAt && nextTickAt > now && before === cadence) return { cadence, tickAt: nextTickAt };
  const [tickAt] = nextTicks(wanted, now, 1);
  return tickAt ? { cadence, tickAt } : null;
}
