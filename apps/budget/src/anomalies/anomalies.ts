import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import {
  type Anomaly,
  type AnomalyKind,
  type AnomalySettings,
  findAnomalies,
  LEAST_SPENT_NANO,
} from '@houston/common/domain/anomalies.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { Duty } from '@houston/common/duties/duty.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { forEachOrganization } from '../organizations.js';
import { AnomalyStore, type PresentConduct } from './anomaly.store.js';

const REASONS: Readonly<Record<AnomalyKind, string>> = {
  spend_velocity: 'spends far faster than it usually does',
  repeated_calls: 'makes the same call again and again',
  denial_storm: 'asks again and again for what is refused',
};

/** Looks for agents that do not behave like themselves, tells of them, and freezes their budgets where the workspace wants it. */
@Injectable()
export class Anomalies extends Duty {
  readonly name = 'anomalies';
  readonly interval = { busyMs: 15_000, idleMs: 15_000 };

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(AnomalyStore) private readonly store: AnomalyStore,
  ) {
    super();
  }

  async runOnce(): Promise<{ found: number; frozen: number }> {
    const counts = { found: 0, frozen: 0 };
    await forEachOrganization(this.db, async (organizationId) => {
      for (const workspace of await this.db.inOrganization(organizationId, (tx) => this.store.workspaces(tx))) {
        const settings = workspaceSettings(workspace.settings).anomalies;
        if (settings.mode === 'off') continue;
        for (const { conduct, anomalies } of await this.look(organizationId, workspace.id, settings)) {
          for (const anomaly of anomalies) {
            const frozen = await this.act(organizationId, workspace.id, conduct, anomaly, settings);
            counts.found += frozen === null ? 0 : 1;
            counts.frozen += frozen?.length ?? 0;
          }
        }
      }
    });
    return counts;
  }

  private look(
    organizationId: string,
    workspaceId: string,
    settings: AnomalySettings,
  ): Promise<{ conduct: PresentConduct; anomalies: Anomaly[] }[]> {
    const { repeatedCalls, denials } = settings;
    return this.db.inOrganization(organizationId, async (tx) => {
      const found = [];
      const least = { spentNano: LEAST_SPENT_NANO, repeatedCalls, denials };
      for (const quarter of await this.store.quarters(tx)) {
        for (const conduct of await this.store.conspicuous(tx, workspaceId, quarter, least)) {
          const baseline = await this.store.baseline(tx, workspaceId, conduct);
          const present = { ...conduct, spentNano: BigInt(conduct.spentNano), baseline };
          found.push({ conduct, anomalies: findAnomalies(present, settings) });
        }
      }
      return found;
    });
  }

  /** @returns the budgets it froze; null when this was told before */
  private act(
    organizationId: string,
    workspaceId: string,
    conduct: PresentConduct,
    anomaly: Anomaly,
    settings: AnomalySettings,
  ): Promise<string[] | null> {
    const { agentId, agent } = conduct;
    return this.db.inOrganization(organizationId, async (tx) => {
      if (await this.store.isNoted(tx, workspaceId, conduct, anomaly.kind)) return null;
      // Money comes first in the order of locks; it is taken for news only.
      if (settings.mode === 'freeze') await this.store.lockMoney(tx);
      if (!(await this.store.note(tx, workspaceId, conduct, anomaly))) return null;
      const frozen = settings.mode === 'freeze' ? await this.freeze(tx, workspaceId, conduct, anomaly, settings) : [];
      const text = `${agent} ${REASONS[anomaly.kind]}.`;
      await appendEvent(tx, {
        ...{ type: 'agent.anomaly_found', actor: 'system', subject: `agent:${agentId}`, workspaceId },
        data: {
          ...{ agentId, agent, kind: anomaly.kind, evidence: anomaly.evidence, frozenBudgets: frozen },
          ...{ recipients: [{ role: 'owner' }, { role: 'admin' }], title: `Unusual: ${agent}`, text },
          ...(frozen.length > 0 ? { critical: true } : {}),
        },
      });
      return frozen;
    });
  }

  private async freeze(
    tx: Tx,
    workspaceId: string,
    conduct: PresentConduct,
    { kind, evidence }: Anomaly,
    { freezeMinutes }: AnomalySettings,
  ): Promise<string[]> {
    const { agentId, agent } = conduct;
    const freeze = {
      reason: `${agent} ${REASONS[kind]}`,
      minutes: freezeMinutes,
      evidence: { kind, agentId, ...evidence },
    };
    const frozen = await this.store.freezeOwn(tx, workspaceId, agentId, freeze);
    await this.store.noteFrozen(tx, workspaceId, conduct, kind, frozen);
    return frozen;
  }
}
