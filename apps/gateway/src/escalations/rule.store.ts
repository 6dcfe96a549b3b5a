import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { RuleRow } from '@houston/common/escalation/escalation.row.js';
import type { RuleColumns } from './rule-columns.js';

const COLUMNS = `id, name, match, trigger, threshold, pattern, condition, actions, levels, cooldown_seconds, max_depth, enabled`;
const ROW = `workspace_id, ${COLUMNS}, version, created_by, created_at, updated_at`;

/** Rules, in the workspace that is named. */
@Injectable()
export class RuleStore {
  /** In order of the name. @param after name and id of the last of the page before */
  list(tx: Tx, workspaceId: string, after: readonly string[] | null, limit: number): Promise<RuleRow[]> {
    const [name, id] = after ?? [null, null];
    return tx.query(
      `select ${ROW} from escalation_rules
        where workspace_id = $1 and ($2::text is null or (name, id) > ($2, $3::uuid)) order by name, id limit $4`,
      [workspaceId, name, id, limit + 1],
    );
  }

  async find(tx: Tx, workspaceId: string, id: string): Promise<RuleRow | null> {
    const [row] = await tx.query<RuleRow>(`select ${ROW} from escalation_rules where workspace_id = $1 and id = $2`, [
      workspaceId,
      id,
    ]);
    return row ?? null;
  }

  async lock(tx: Tx, workspaceId: string, id: string): Promise<RuleRow | null> {
    const [row] = await tx.query<RuleRow>(
      `select ${ROW} from escalation_rules where workspace_id = $1 and id = $2 for no key update`,
      [workspaceId, id],
    );
    return row ?? null;
  }

  /** @returns false when the id is taken */
  async insert(tx: Tx, workspaceId: string, rule: RuleColumns, createdBy: string): Promise<boolean> {
    const rows = await tx.query(
      `insert into escalation_rules (organization_id, workspace_id, created_by, ${COLUMNS})
       select $1, $2, $3, ${COLUMNS} from jsonb_populate_record(null::escalation_rules, $4)
       on conflict (workspace_id, id) do nothing returning id`,
      [tx.organizationId, workspaceId, createdBy, JSON.stringify(rule)],
    );
    return rows.length === 1;
  }

  async update(tx: Tx, workspaceId: string, rule: RuleColumns): Promise<RuleRow> {
    const [row] = await tx.query<RuleRow>(
      `update escalation_rules set (${COLUMNS}) = (select ${COLUMNS} from jsonb_populate_record(null::escalation_rules, $3)),
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2 returning ${ROW}`,
      [workspaceId, rule.id, JSON.stringify(rule)],
    );
    if (!row) throw new Error(`Rule ${rule.id} vanished under its lock`);
    return row;
  }

  /** Until the transaction ends nobody else deletes rules, nor writes watches. */
  async lockForRemoval(tx: Tx): Promise<void> {
    await tx.query('select lock_rules_exclusively($1)', [tx.organizationId]);
  }

  async remove(tx: Tx, workspaceId: string, id: string): Promise<void> {
    await tx.query('delete from escalation_rules where workspace_id = $1 and id = $2', [workspaceId, id]);
  }
}
