import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { PreferenceRule } from '@houston/common/domain/notification-plan.js';
import type { QuietHours } from '@houston/common/notifications/quiet-hours.js';

export interface Preferences {
  rules: PreferenceRule[];
  quietHours: QuietHours | null;
  version: number;
}

@Injectable()
export class PreferenceStore {
  async find(tx: Tx, memberId: string): Promise<Preferences> {
    const [row] = await tx.query<Preferences>(
      `select rules, quiet_hours as "quietHours", version from notification_preferences
        where workspace_id = $1 and member_id = $2 for update`,
      [tx.workspaceId, memberId],
    );
    return row ?? { rules: [], quietHours: null, version: 0 };
  }

  /** @returns the new version */
  async save(tx: Tx, memberId: string, { rules, quietHours }: Omit<Preferences, 'version'>): Promise<number> {
    const [row] = await tx.query<{ version: number }>(
      `insert into notification_preferences (organization_id, workspace_id, member_id, rules, quiet_hours)
       values ($1, $2, $3, $4, $5)
       on conflict (workspace_id, member_id) do update
          set rules = excluded.rules, quiet_hours = excluded.quiet_hours, updated_at = now(),
              version = notification_preferences.version + 1
       returning version`,
      [
        ...[tx.organizationId, tx.workspaceId, memberId, JSON.stringify(rules)],
        quietHours === null ? null : JSON.stringify(quietHours),
      ],
    );
    return row?.version ?? 1;
  }

  async unsubscribeSecret(tx: Tx): Promise<string | null> {
    const [row] = await tx.query<{ secret: string }>('select secret from unsubscribe_keys where organization_id = $1', [
      tx.organizationId,
    ]);
    return row?.secret ?? null;
  }
}
