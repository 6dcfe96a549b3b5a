import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { judgeEndpointUrl } from '@houston/common/webhooks/endpoint-url.js';
import { newSecret } from '@houston/common/webhooks/signature.js';
import { deliveryWakeup } from '@houston/common/webhooks/webhook-wakeups.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { DeliveryStore } from './delivery.store.js';
import { Wakeups } from './wakeups.js';
import type { CreateWebhookDto, UpdateWebhookDto } from './webhook.dto.js';
import type { WebhookRow } from './webhook.row.js';
import { type WebhookChange, WebhookStore } from './webhook.store.js';

const MAX_WEBHOOKS = 100;

/** What people do to webhooks. Every change is an event; no event has the secret, nor the path of the address. */
@Injectable()
export class WebhookService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(WebhookStore) private readonly store: WebhookStore,
    @Inject(DeliveryStore) private readonly deliveries: DeliveryStore,
    @Inject(Wakeups) private readonly wakeups: Wakeups,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** @throws Problem invalid_values, conflict when the workspace has 100 */
  create(caller: Caller, body: CreateWebhookDto, id: CreationId): Promise<{ row: WebhookRow; secret: string }> {
    const url = this.checkedUrl(body.url);
    return this.db.inWorkspace(caller, async (tx) => {
      if ((await this.store.countExclusively(tx)) >= MAX_WEBHOOKS) {
        throw new Problem('conflict', { detail: `A workspace has at most ${MAX_WEBHOOKS} webhooks.` });
      }
      const made = id.mayExist ? await this.store.find(tx, id.id) : null;
      if (made === null) {
        const { events, description } = body;
        await this.store.insert(tx, { id: id.id, url, events, description, secret: newSecret() });
        await note(tx, caller, 'webhook.created', { id: id.id, url }, { events });
      }
      const secret = await this.store.currentSecret(tx, id.id);
      if (secret === null) throw new Error(`Webhook ${id.id} has no secret`);
      return { row: made ?? (await this.present(tx, id.id)), secret };
    });
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<WebhookRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  list(caller: Caller, after: string[] | null, limit: number): Promise<WebhookRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, after, limit));
  }

  /** @throws Problem not_found, invalid_values, precondition_failed */
  update(caller: Caller, id: string, body: UpdateWebhookDto, ifMatch: string | undefined): Promise<WebhookRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, id);
      requireMatch(ifMatch, before.version);
      const url = body.url === undefined ? undefined : this.checkedUrl(body.url);
      const change = changeOf(before, { ...body, url });
      if (Object.keys(change).length === 0) return before;
      await this.store.change(tx, id, change);
      const after = await this.present(tx, id);
      const { status, ...rest } = change;
      if (Object.keys(rest).length > 0) {
        await note(tx, caller, 'webhook.updated', after, { changed: Object.keys(rest), events: after.events });
      }
      if (status === 'disabled') await note(tx, caller, 'webhook.disabled', after, { reason: 'by_user' });
      if (status === 'enabled') await note(tx, caller, 'webhook.enabled', after, { before: before.disabled_reason });
      return after;
    });
  }

  /** With it go its deliveries and their dead letters; events stay. @throws Problem not_found, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, id);
      requireMatch(ifMatch, before.version);
      await this.store.remove(tx, id);
      await note(tx, caller, 'webhook.deleted', before, {});
    });
  }

  /** @returns the new secret; the old one signs for 24 hours more, beside it. @throws Problem not_found */
  rotateSecret(caller: Caller, id: string): Promise<string> {
    return this.db.inWorkspace(caller, async (tx) => {
      const webhook = await this.locked(tx, id);
      const secret = newSecret();
      await this.store.replaceSecret(tx, id, secret);
      await note(tx, caller, 'webhook.secret_rotated', webhook, {});
      return secret;
    });
  }

  /** Sends a `webhook.test` to this webhook alone, whatever it listens to. @throws Problem not_found, conflict */
  async test(caller: Caller, id: string): Promise<string> {
    const deliveryId = newId();
    await this.db.inWorkspace(caller, async (tx) => {
      const webhook = await this.locked(tx, id);
      requireEnabled(webhook.status);
      const eventId = await note(tx, caller, 'webhook.test', webhook, { message: 'It works.' });
      await this.deliveries.addForOwnEvent(tx, { id: deliveryId, endpointId: id, eventId });
    });
    const { organizationId, workspaceId } = caller;
    await this.wakeups.add(
      deliveryWakeup({ organizationId, workspaceId, deliveryId, endpointId: id, attemptCount: 0 }),
    );
    return deliveryId;
  }

  private checkedUrl(text: string): string {
    const verdict = judgeEndpointUrl(text, this.config.webhookAllowCidrs);
    if (!verdict.ok) throw invalid('url', verdict.hint);
    return verdict.url;
  }

  private async present(tx: Tx, id: string): Promise<WebhookRow> {
    const row = await this.store.find(tx, id);
    if (!row) throw notFound();
    return row;
  }

  private async locked(tx: Tx, id: string): Promise<WebhookRow> {
    const row = await this.store.lock(tx, id);
    if (!row) throw notFound();
    return row;
  }
}

/** Nothing is sent to a disabled webhook, not even on request. */
export function requireEnabled(status: WebhookRow['status']): void {
  if (status === 'enabled') return;
  throw new Problem('conflict', { detail: 'The webhook is disabled. Enable it first: PATCH {"status": "enabled"}.' });
}

function changeOf(before: WebhookRow, wanted: UpdateWebhookDto): WebhookChange {
  const change: WebhookChange = {};
  if (wanted.url !== undefined && wanted.url !== before.url) change.url = wanted.url;
  if (wanted.description !== undefined && wanted.description !== before.description) {
    change.description = wanted.description;
  }
  if (wanted.events !== undefined && wanted.events.join() !== before.events.join()) change.events = wanted.events;
  const hasRecord = before.consecutive_failures > 0;
  if (wanted.status !== undefined && (wanted.status !== before.status || (wanted.status === 'enabled' && hasRecord))) {
    change.status = wanted.status;
  }
  return change;
}

function note(
  tx: Tx,
  caller: Caller,
  type: string,
  { id, url }: Pick<WebhookRow, 'id' | 'url'>,
  more: Record<string, unknown>,
): Promise<string> {
  const data = { webhookId: id, host: new URL(url).host, ...more };
  return appendEvent(tx, { type, actor: caller.actor, subject: `webhook:${id}`, data });
}
