import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { standupReport } from '@houston/common/standups/standup-report.js';
import type { StandupReport } from '@houston/common/standups/standup-sections.js';
import { findStandup, keepStandup, listStandups, type StandupRow } from '@houston/common/standups/standup.store.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { notFound } from '../http/problem.js';

/** Stand-ups as people see them and ask for them; the clock's are made by the scheduler. */
@Injectable()
export class StandupService {
  constructor(@Inject(Database) private readonly db: Database) {}

  list(caller: Caller, before: string[] | null, limit: number): Promise<StandupRow[]> {
    return this.db.inWorkspace(caller, (tx) => listStandups(tx, caller.workspaceId, before, limit));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<StandupRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, caller, id));
  }

  preview(caller: Caller): Promise<StandupReport> {
    return this.db.inWorkspace(caller, (tx) => report(tx, caller));
  }

  /** Makes one of this moment, apart from those of the clock. */
  send(caller: Caller, { id }: CreationId): Promise<StandupRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const made = { id, tickAt: null, origin: 'manual', createdBy: caller.actor } as const;
      const kept = await keepStandup(tx, caller.workspace, await report(tx, caller), made);
      return kept ?? this.present(tx, caller, id);
    });
  }

  private async present(tx: Tx, { workspaceId }: Caller, id: string): Promise<StandupRow> {
    const standup = await findStandup(tx, workspaceId, id);
    if (!standup) throw notFound();
    return standup;
  }
}

function report(tx: Tx, { workspace }: Caller): Promise<StandupReport> {
  const { id, name, settings } = workspace;
  const timezone = workspaceSettings(settings).standup.timezone ?? workspace.timezone;
  return standupReport(tx, { id, name, timezone });
}
