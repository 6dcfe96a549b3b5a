import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { judgeEndpointUrl } from '@houston/common/webhooks/endpoint-url.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import type { CreateChannelDto, UpdateChannelDto } from './channel.dto.js';
import type { ChannelRow } from './channel.row.js';
import { type ChannelChange, ChannelStore, type NewChannel } from './channel.store.js';

const MAX_CHANNELS = 100;

/** What people do to channels. Every change is an event; no event has an address or a secret. */
@Injectable()
export class ChannelService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ChannelStore) private readonly store: ChannelStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  /** @throws Problem invalid_values, already_exists, conflict when the workspace has 100 */
  create(caller: Caller, body: CreateChannelDto, { id, mayExist }: CreationId): Promise<ChannelRow> {
    const channel = this.newChannel(body, id);
    return this.db.inWorkspace(caller, async (tx) => {
      const count = await this.store.countExclusively(tx);
      const made = mayExist ? await this.store.find(tx, id) : null;
      if (made !== null) return made;
      if (count >= MAX_CHANNELS) {
        throw new Problem('conflict', { detail: `A workspace has at most ${MAX_CHANNELS} channels.` });
      }
      await this.requireFreeName(tx, channel.name, id);
      await this.store.insert(tx, channel);
      return this.noted(tx, caller, id, 'channel.created');
    });
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<ChannelRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  list(caller: Caller, after: string[] | null, limit: number): Promise<ChannelRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, after, limit));
  }

  /** @throws Problem not_found, invalid_values, already_exists, precondition_failed */
  update(caller: Caller, id: string, body: UpdateChannelDto, ifMatch: string | undefined): Promise<ChannelRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      if (body.name !== undefined) await this.store.lockNames(tx);
      const before = await this.locked(tx, id);
      requireMatch(ifMatch, before.version);
      const change = this.changeOf(before, body);
      if (Object.keys(change).length === 0) return before;
      if (change.name !== undefined) await this.requireFreeName(tx, change.name, id);
      await this.store.change(tx, id, change);
      return this.noted(tx, caller, id, 'channel.updated', { changed: Object.keys(change) });
    });
  }

  /** With it go its notifications and their dead letters; events stay. @throws Problem not_found, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, id);
      requireMatch(ifMatch, before.version);
      await this.noted(tx, caller, id, 'channel.deleted');
      await this.store.remove(tx, id);
    });
  }

  private newChannel({ name, kind, url, to, events, signingSecret }: CreateChannelDto, id: string): NewChannel {
    requireFitting(kind, { url, to, signingSecret });
    if (kind === 'email') {
      if (to === undefined) throw invalid('to', 'An email channel needs an address.');
      return { id, name, kind, address: to, events, secrets: null };
    }
    if (url === undefined) throw invalid('url', 'A Slack channel needs the address of its incoming webhook.');
    const secrets = { url: this.checkedUrl(url), signingSecret: signingSecret ?? null };
    return { id, name, kind, address: null, events, secrets };
  }

  private changeOf(before: ChannelRow, body: UpdateChannelDto): ChannelChange {
    const { name, url, to, events, signingSecret, status } = body;
    requireFitting(before.kind, { url, to, signingSecret });
    const change: ChannelChange = {};
    if (name !== undefined && name !== before.name) change.name = name;
    if (to !== undefined && to !== before.address) change.address = to;
    if (events !== undefined && events.join() !== before.events.join()) change.events = events;
    if (status !== undefined && status !== before.status) change.status = status;
    if (url !== undefined) change.url = this.checkedUrl(url);
    if (signingSecret !== undefined) change.signingSecret = signingSecret;
    return change;
  }

  private checkedUrl(text: string): string {
    const verdict = judgeEndpointUrl(text, this.config.webhookAllowCidrs);
    if (!verdict.ok) throw invalid('url', verdict.hint);
    return verdict.url;
  }

  private async requireFreeName(tx: Tx, name: string, id: string): Promise<void> {
    const taken = await this.store.idByName(tx, name);
    if (taken === null || taken === id) return;
    throw new Problem('already_exists', {
      detail: 'A channel of this name exists already.',
      extensions: { existingId: taken },
    });
  }

  private async noted(
    tx: Tx,
    caller: Caller,
    id: string,
    type: string,
    more: Record<string, unknown> = {},
  ): Promise<ChannelRow> {
    const channel = await this.present(tx, id);
    const { name, kind, events, status } = channel;
    const data = { channelId: id, name, kind, events, status, ...more };
    await appendEvent(tx, { type, actor: caller.actor, subject: `channel:${id}`, data });
    return channel;
  }

  private async present(tx: Tx, id: string): Promise<ChannelRow> {
    const row = await this.store.find(tx, id);
    if (!row) throw notFound();
    return row;
  }

  private async locked(tx: Tx, id: string): Promise<ChannelRow> {
    const row = await this.store.lock(tx, id);
    if (!row) throw notFound();
    return row;
  }
}

function requireFitting(
  kind: ChannelRow['kind'],
  { url, to, signingSecret }: { url?: string; to?: string; signingSecret?: string | null },
): void {
  if (kind === 'email' && url !== undefined) throw invalid('url', 'Only Slack channels have one.');
  if (kind === 'email' && typeof signingSecret === 'string')
    throw invalid('signingSecret', 'Only Slack channels have one.');
  if (kind === 'slack' && to !== undefined) throw invalid('to', 'Only email channels have one.');
}
