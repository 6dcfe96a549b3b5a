import type { WorkspaceScope } from '@houston/common/db/database.js';
import type { PreferenceRule } from '@houston/common/domain/notification-plan.js';
import type { QuietHours } from '@houston/common/notifications/quiet-hours.js';
import { v7 as newId } from 'uuid';
import type { TestDatabase } from '../support/database.js';

type Where = Pick<TestDatabase, 'database'> & WorkspaceScope;

let made = 0;

export async function addMember(
  { database, organizationId, workspaceId }: Where,
  more: { email?: string; role?: string; rules?: PreferenceRule[]; quietHours?: QuietHours } = {},
): Promise<{ id: string; email: string }> {
  made += 1;
  const { email = `member-${made}@example.com`, role = 'member', rules, quietHours } = more;
  const id = newId();
  await database.inWorkspace({ organizationId, workspaceId }, async (tx) => {
    await tx.query(
      `insert into members (organization_id, workspace_id, id, email, name, role, status, created_by)
       values ($1, $2, $3, $4, $5, $6, 'active', 'system')`,
      [organizationId, workspaceId, id, email, `Member ${made}`, role],
    );
    if (rules === undefined && quietHours === undefined) return;
    await tx.query(
      `insert into notification_preferences (organization_id, workspace_id, member_id, rules, quiet_hours)
       values ($1, $2, $3, $4, $5)`,
      [organizationId, workspaceId, id, JSON.stringify(rules ?? []), quietHours ? JSON.stringify(quietHours) : null],
    );
  });
  return { id, email };
}

export async function addChannel(
  { database, organizationId, workspaceId }: Where,
  more: { url?: string; to?: string; events?: string[]; signingSecret?: string; status?: 'enabled' | 'disabled' } = {},
): Promise<{ id: string }> {
  made += 1;
  const { url = 'https://hooks.slack.com/services/x', to, events = ['*'], signingSecret, status = 'enabled' } = more;
  const id = newId();
  await database.inWorkspace({ organizationId, workspaceId }, async (tx) => {
    await tx.query(
      `insert into channels (organization_id, workspace_id, id, name, kind, address, events, status, disabled_reason)
       values ($1, $2, $3, $4, $5, $6, $7, $8, case when $8 = 'disabled' then 'by_user' end)`,
      [organizationId, workspaceId, id, `channel ${made}`, to ? 'email' : 'slack', to ?? null, events, status],
    );
    if (to !== undefined) return;
    await tx.query(
      `insert into channel_secrets (organization_id, workspace_id, channel_id, url, signing_secret)
       values ($1, $2, $3, $4, $5)`,
      [organizationId, workspaceId, id, url, signingSecret ?? null],
    );
  });
  return { id };
}

export async function addAgent({ database, organizationId }: Where, name = newId()): Promise<{ id: string }> {
  const id = newId();
  await database.inOrganization(organizationId, (tx) =>
    tx.query('insert into agents (organization_id, id, name) values ($1, $2, $3)', [organizationId, id, name]),
  );
  return { id };
}

/** A notification for a channel or a member, due at once. */
export async function addNotification(
  { database, organizationId, workspaceId }: Where,
  to: { channelId: string; channel: 'slack' | 'email' } | { memberId: string; channel: 'inbox' | 'email' },
  more: { type?: string; title?: string; text?: string; subject?: string; refs?: Record<string, string> } = {},
): Promise<string> {
  const id = newId();
  const { type = 'task.blocked', title = 'Blocked', text = 'It waits.', subject = 'task:t', refs = {} } = more;
  await database.inWorkspace({ organizationId, workspaceId }, (tx) =>
    tx.query(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, member_id, channel_id,
                                  title, text, subject, refs, next_attempt_at)
       values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, now())`,
      [
        ...[organizationId, workspaceId, id, newId(), type, to.channel],
        ...['memberId' in to ? to.memberId : null, 'channelId' in to ? to.channelId : null],
        ...[title, text, subject, JSON.stringify(refs)],
      ],
    ),
  );
  return id;
}
