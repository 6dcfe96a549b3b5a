import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { Database } from '@houston/common/db/database.js';
import { planTicks, type TickPlan } from '@houston/common/domain/catch-up.js';
import { Duty } from '@houston/common/duties/duty.js';
import { ticksAfter } from '@houston/common/schedules/cadence.js';
import { type DueSchedule, ScheduleStore, type WrittenPlan } from './schedule.store.js';
import { StandupRuns } from './standup-runs.js';

const SCHEDULES_PER_BATCH = 200;
const TICKS_PER_BATCH = 200;
const STANDUPS_PER_BATCH = 20;
const MS_PER_SECOND = 1_000;

/**
 * Writes the ticks of schedules that are due, then runs what is due among the ticks. Both are bounded; a tick that was
 * written by a scheduler that died is run by another.
 */
@Injectable()
export class ScheduleTicker extends Duty {
  readonly name = 'schedules';
  /** A tick runs within a second of its time. */
  readonly interval = { busyMs: 250, idleMs: 500 };
  override readonly batchSize = TICKS_PER_BATCH;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ScheduleStore) private readonly store: ScheduleStore,
    @Inject(StandupRuns) private readonly standups: StandupRuns,
  ) {
    super();
  }

  async runOnce(): Promise<{ due: number; ticks: number }> {
    const counts = { due: 0, ticks: 0 };
    const errors: unknown[] = [];
    for (const organizationId of await this.db.organizationIds()) {
      try {
        counts.due += await this.writeDue(organizationId);
        counts.ticks += await this.store.work(organizationId, TICKS_PER_BATCH);
        counts.ticks += await this.standups.work(organizationId, STANDUPS_PER_BATCH);
      } catch (error) {
        errors.push(error);
      }
    }
    if (errors.length > 0) throw new AggregateError(errors, `Schedules failed for ${errors.length} organizations`);
    return counts;
  }

  private writeDue(organizationId: string): Promise<number> {
    return this.db.inOrganization(organizationId, async (tx) => {
      const due = await this.store.lockDue(tx, SCHEDULES_PER_BATCH);
      const plans: WrittenPlan[] = [];
      for (const schedule of due) {
        const plan = planOf(schedule);
        if (plan.ok) plans.push(plan.written);
        else await this.store.stop(tx, schedule, plan.fault);
      }
      if (plans.length > 0) await this.store.write(tx, plans);
      return due.length;
    });
  }
}

/** A schedule that cannot be read any more (a zone that is no longer known here) must not keep the others waiting. */
function planOf(schedule: DueSchedule): { ok: true; written: WrittenPlan } | { ok: false; fault: string } {
  const { nextTickAt, now, catchUp } = schedule;
  try {
    const plan = planTicks(ticksFrom(schedule, nextTickAt), now, catchUp);
    return plan.next === null
      ? { ok: false, fault: 'It never comes again.' }
      : { ok: true, written: written(schedule, plan, plan.next) };
  } catch (error) {
    return { ok: false, fault: error instanceof Error ? error.message : String(error) };
  }
}

function written({ workspaceId, id, jitterSeconds }: DueSchedule, { fire, missed }: TickPlan, next: Date): WrittenPlan {
  return {
    workspace_id: workspaceId,
    id,
    next_tick_at: next,
    ticks: fire.map((tick) => ({
      ...{ id: newId(), tick_at: tick },
      delay_ms: Math.floor(Math.random() * jitterSeconds * MS_PER_SECOND),
    })),
    missed: missed && { id: newId(), ...missed },
  };
}

function* ticksFrom(schedule: DueSchedule, first: Date): Generator<Date> {
  yield first;
  yield* ticksAfter(schedule, first);
}
