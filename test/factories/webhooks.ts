import type { WorkspaceScope } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { deliveryBody } from '@houston/common/webhooks/delivery-message.js';
import { newSecret } from '@houston/common/webhooks/signature.js';
import { v7 as newId } from 'uuid';
import type { TestDatabase } from '../support/database.js';

type Where = Pick<TestDatabase, 'database'> & WorkspaceScope;

export interface TestEndpoint {
  id: string;
  secret: string;
}

export async function addEndpoint(
  where: Where,
  url: string,
  more: { events?: string[]; secrets?: string[]; status?: 'enabled' | 'disabled' } = {},
): Promise<TestEndpoint> {
  const { database, organizationId, workspaceId } = where;
  const { events = ['*'], secrets = [newSecret()], status = 'enabled' } = more;
  const id = newId();
  await database.inWorkspace({ organizationId, workspaceId }, async (tx) => {
    await tx.query(
      `insert into webhook_endpoints (organization_id, workspace_id, id, url, events, status, disabled_reason)
       values ($1, $2, $3, $4, $5, $6, case when $6 = 'disabled' then 'by_user' end)`,
      [organizationId, workspaceId, id, url, events, status],
    );
    for (const [index, secret] of secrets.entries()) {
      const isCurrent = index === secrets.length - 1;
      await tx.query(
        `insert into webhook_secrets (organization_id, workspace_id, endpoint_id, number, secret, valid_until)
         values ($1, $2, $3, $4, $5, case when $6 then null else now() + interval '1 day' end)`,
        [organizationId, workspaceId, id, index + 1, secret, isCurrent],
      );
    }
  });
  return { id, secret: secrets.at(-1) ?? '' };
}

export interface TestDelivery {
  deliveryId: string;
  eventId: string;
  body: string;
}

/** An event on its way to the endpoint, due at once. */
export async function addDelivery(
  where: Where,
  endpointId: string,
  more: { type?: string; data?: Record<string, unknown> } = {},
): Promise<TestDelivery> {
  const { database, organizationId, workspaceId } = where;
  const { type = 'budget.threshold_crossed', data = { name: 'Zürich', threshold: 75 } } = more;
  return database.inWorkspace({ organizationId, workspaceId }, async (tx) => {
    const eventId = await appendEvent(tx, { type, actor: 'system', subject: 'budget:b', data });
    const body = deliveryBody({ id: eventId, type, time: new Date(), subject: 'budget:b', data });
    const deliveryId = newId();
    await tx.query(
      `insert into deliveries (organization_id, workspace_id, id, endpoint_id, event_id, event_seq, type, body, next_attempt_at)
       select $1, $2, $3, $4, $5, seq, $6, $7, now() from events where workspace_id = $2 and id = $5`,
      [organizationId, workspaceId, deliveryId, endpointId, eventId, type, body],
    );
    return { deliveryId, eventId, body };
  });
}
