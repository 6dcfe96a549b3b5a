import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { standupReport } from '@houston/common/standups/standup-report.js';
import { keepStandup } from '@houston/common/standups/standup.store.js';
import { type DueRun, StandupRunStore } from './standup-run.store.js';

/** Makes the stand-ups that ticks of schedules have asked for: each once, however many schedulers look. */
@Injectable()
export class StandupRuns {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(StandupRunStore) private readonly store: StandupRunStore,
  ) {}

  /** @returns how many runs have ended; what cannot be made has failed */
  async work(organizationId: string, limit: number): Promise<number> {
    const due = await this.db.inOrganization(organizationId, (tx) => this.store.due(tx, limit));
    let ended = 0;
    for (const tick of due) {
      try {
        ended += await this.make(organizationId, tick);
      } catch (error) {
        const reason = error instanceof Error ? error.message : String(error);
        ended += await this.db.inOrganization(organizationId, async (tx) => {
          const run = await this.store.lock(tx, tick);
          if (run) await this.store.fail(tx, run, reason);
          return run ? 1 : 0;
        });
      }
    }
    return ended;
  }

  private make(organizationId: string, tick: DueRun): Promise<number> {
    return this.db.inOrganization(organizationId, async (tx) => {
      const run = await this.store.lock(tx, tick);
      if (!run) return 0;
      const { tickId, workspaceId: id, name, settings, scheduleId } = run;
      const timezone = workspaceSettings(settings).standup.timezone ?? run.timezone;
      const report = await standupReport(tx, { id, name, timezone });
      // The tick's own id: whatever happens, a tick has one stand-up.
      const made = { id: tickId, tickAt: null, origin: 'schedule', createdBy: `schedule:${scheduleId}` } as const;
      await keepStandup(tx, { id, settings }, report, made);
      await this.store.succeed(tx, run, tickId);
      return 1;
    });
  }
}
