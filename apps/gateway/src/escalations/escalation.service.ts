import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { EscalationRow } from '@houston/common/escalation/escalation.row.js';
import { resolve } from '@houston/common/escalation/look.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import { type EscalationFilter, EscalationStore } from './escalation.store.js';

/** What people do about what was raised. */
@Injectable()
export class EscalationService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(EscalationStore) private readonly store: EscalationStore,
  ) {}

  list(caller: Caller, filter: EscalationFilter): Promise<(EscalationRow & { sort_key: string })[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, filter));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<EscalationRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  /** Somebody has seen it. Asked for again it changes nothing. @throws Problem not_found, conflict */
  acknowledge(caller: Caller, id: string): Promise<EscalationRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.present(tx, id);
      if (await this.store.acknowledge(tx, id, caller.actor)) {
        await appendEvent(tx, {
          ...{ type: 'escalation.acknowledged', actor: caller.actor, subject: `escalation:${id}` },
          data: {
            ...{ escalationId: id, ruleId: before.rule_id, rule: before.rule_name, level: before.level },
            [`${before.subject_kind}Id`]: before.subject_id,
          },
        });
      }
      const after = await this.present(tx, id);
      if (after.status === 'resolved') throw new Problem('conflict', { detail: 'It is resolved already.' });
      return after;
    });
  }

  /**
   * It is settled, and with it whatever else the rule has raised about the same thing. Should the rule still hold, it
   * begins anew when its cooldown has ended. Asked for again it changes nothing.
   *
   * @throws Problem not_found
   */
  resolve(caller: Caller, id: string, resolution = 'It was resolved by hand.'): Promise<EscalationRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.present(tx, id);
      await this.store.lockWatch(tx, before);
      const row = await this.present(tx, id);
      if (row.status === 'resolved') return row;
      await resolve(tx, row, caller.actor, resolution);
      await this.store.beginAnew(tx, row);
      return this.present(tx, id);
    });
  }

  private async present(tx: Tx, id: string): Promise<EscalationRow> {
    const row = await this.store.find(tx, id);
    if (!row) throw notFound();
    return row;
  }
}
