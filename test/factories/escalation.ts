import type { RuleRow } from '@houston/common/escalation/escalation.row.js';
import { v7 as newId } from 'uuid';
import type { TestDatabase } from '../support/database.js';

/** Rules that a workspace begins with would fire beside those of a test. */
export async function forgetRules(db: TestDatabase): Promise<void> {
  await db.database.inOrganization(db.organizationId, (tx) =>
    tx.query('delete from escalation_rules where organization_id = $1', [db.organizationId]),
  );
}

/** A rule of the workspace `default`, put straight into the database, and word left of it. @returns its id */
export async function insertRule(db: TestDatabase, wanted: Partial<RuleRow>): Promise<string> {
  const id = newId();
  const row = {
    ...{ id, name: 'Look at this', match: {}, trigger: 'timeInStatus', threshold: 60, pattern: null, condition: null },
    ...{ actions: [{ type: 'notify' }], levels: [], cooldown_seconds: 600, max_depth: 3, enabled: true, version: 1 },
    ...{ workspace_id: db.workspaceId, organization_id: db.organizationId, created_by: 'system' },
    ...wanted,
  };
  await db.database.inOrganization(db.organizationId, async (tx) => {
    await tx.query(
      `insert into escalation_rules (organization_id, workspace_id, id, name, match, trigger, threshold, pattern, condition,
                                     actions, levels, cooldown_seconds, max_depth, enabled, created_by)
       select organization_id, workspace_id, id, name, match, trigger, threshold, pattern, condition, actions, levels,
              cooldown_seconds, max_depth, enabled, created_by from jsonb_populate_record(null::escalation_rules, $1)`,
      [JSON.stringify(row)],
    );
    await tx.query('select mark_escalations($1, $2)', [
      db.organizationId,
      JSON.stringify([{ workspace_id: row.workspace_id, kind: 'rule', subject_id: row.id }]),
    ]);
  });
  return row.id;
}
