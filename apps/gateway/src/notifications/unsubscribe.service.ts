import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type PreferenceRule, ruleFor } from '@houston/common/domain/notification-plan.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import {
  isGenuine,
  readUnsubscribeToken,
  type Unsubscription,
} from '@houston/common/notifications/unsubscribe-token.js';
import { ChannelStore } from '../channels/channel.store.js';
import { notFound } from '../http/problem.js';
import { MemberStore } from '../members/member.store.js';
import { PreferenceStore } from './preference.store.js';

const ACTOR = 'unsubscribe link';

/** Ends mails by the link that is in them; whoever has the mail may. */
@Injectable()
export class UnsubscribeService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(PreferenceStore) private readonly preferences: PreferenceStore,
    @Inject(ChannelStore) private readonly channels: ChannelStore,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  /** What the link is about; changes nothing. @throws Problem not_found when it is not one of ours */
  async look(token: string): Promise<Unsubscription> {
    const wish = readUnsubscribeToken(token);
    if (wish === null) throw notFound();
    const secret = await this.db.inOrganization(wish.organizationId, (tx) => this.preferences.unsubscribeSecret(tx));
    if (secret === null || !isGenuine(token, secret)) throw notFound();
    return wish;
  }

  /** Doing it again changes nothing. @throws Problem not_found */
  async end(token: string): Promise<Unsubscription> {
    const wish = await this.look(token);
    await this.db.inWorkspace(wish, (tx) =>
      wish.kind === 'member' ? this.endOfMember(tx, wish) : this.endOfChannel(tx, wish),
    );
    return wish;
  }

  /** Mails of this type stop; the inbox still has them. */
  private async endOfMember(tx: Tx, { id, eventType }: Unsubscription): Promise<void> {
    // Mails outlive the workspace that sent them.
    if ((await this.members.find(tx, id)) === null) return;
    const { rules, quietHours } = await this.preferences.find(tx, id);
    const present = ruleFor(rules, eventType);
    const channels = (present?.channels ?? ['inbox']).filter((channel) => channel !== 'email');
    const rule: PreferenceRule = {
      ...present,
      event: eventType,
      channels: channels.length === 0 ? ['inbox'] : channels,
    };
    const others = rules.filter(({ event }) => event !== eventType);
    await this.preferences.save(tx, id, { rules: [rule, ...others], quietHours });
    await appendEvent(tx, {
      ...{ type: 'preferences.changed', actor: ACTOR, subject: `member:${id}` },
      data: { memberId: id, unsubscribedFrom: eventType },
    });
  }

  private async endOfChannel(tx: Tx, { id }: Unsubscription): Promise<void> {
    const channel = await this.channels.lock(tx, id);
    if (channel === null || channel.status === 'disabled') return;
    await this.channels.change(tx, id, { status: 'disabled' }, 'unsubscribed');
    const data = { channelId: id, name: channel.name, status: 'disabled', reason: 'unsubscribed' };
    await appendEvent(tx, { type: 'channel.updated', actor: ACTOR, subject: `channel:${id}`, data });
  }
}
