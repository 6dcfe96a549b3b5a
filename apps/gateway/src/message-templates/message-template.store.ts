import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { looksLikeId } from '../http/uuid.js';
import type { MessageTemplateRow, TemplateColumns } from './message-template.row.js';

const COLUMNS = 'name, type, priority, subject, body, requires_ack, ack_within_seconds';

/** Templates of the transaction's workspace. */
@Injectable()
export class MessageTemplateStore {
  /** @param ref name or id */
  async find(tx: Tx, ref: string): Promise<MessageTemplateRow | null> {
    const [row] = await tx.query<MessageTemplateRow>(
      `select * from message_templates
        where workspace_id = $1 and (id = $2::uuid or name = $3) order by id = $2::uuid desc nulls last limit 1`,
      [tx.workspaceId, looksLikeId(ref) ? ref : null, ref],
    );
    return row ?? null;
  }

  async lock(tx: Tx, id: string): Promise<MessageTemplateRow | null> {
    const [row] = await tx.query<MessageTemplateRow>(
      'select * from message_templates where workspace_id = $1 and id = $2 for update',
      [tx.workspaceId, id],
    );
    return row ?? null;
  }

  /** In order of the name. */
  list(tx: Tx, afterName: string | null, limit: number): Promise<MessageTemplateRow[]> {
    return tx.query(
      `select * from message_templates where workspace_id = $1 and ($2::text is null or name > $2)
        order by name limit $3`,
      [tx.workspaceId, afterName, limit + 1],
    );
  }

  /** @returns false when the name or the id is taken */
  async insert(tx: Tx, id: string, columns: TemplateColumns, createdBy: string): Promise<boolean> {
    const rows = await tx.query(
      `insert into message_templates (organization_id, workspace_id, id, created_by, ${COLUMNS})
       select $1, $2, $3, $4, ${COLUMNS} from jsonb_populate_record(null::message_templates, $5)
       on conflict do nothing returning id`,
      [tx.organizationId, tx.workspaceId, id, createdBy, JSON.stringify(columns)],
    );
    return rows.length === 1;
  }

  async update(tx: Tx, id: string, columns: TemplateColumns): Promise<MessageTemplateRow> {
    const [row] = await tx.query<MessageTemplateRow>(
      `update message_templates set (${COLUMNS}) = (select ${COLUMNS} from jsonb_populate_record(null::message_templates, $3)),
              version = version + 1, updated_at = now()
        where workspace_id = $1 and id = $2 returning *`,
      [tx.workspaceId, id, JSON.stringify(columns)],
    );
    if (!row) throw new Error(`Template ${id} vanished under its lock`);
    return row;
  }

  async remove(tx: Tx, id: string): Promise<void> {
    await tx.query('delete from message_templates where workspace_id = $1 and id = $2', [tx.workspaceId, id]);
  }
}
