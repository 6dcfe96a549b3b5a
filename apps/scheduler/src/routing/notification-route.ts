import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { Tx } from '@houston/common/db/database.js';
import { type NotificationPlan, planNotification } from '@houston/common/domain/notification-plan.js';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { EventRoute } from '@houston/common/events/event-route.js';
import { notificationText, type NotificationText } from '@houston/common/notifications/notification-text.js';
import { notificationWakeup } from '@houston/common/notifications/notification-wakeup.js';
import { quietUntil } from '@houston/common/notifications/quiet-hours.js';
import {
  type AskedRecipients,
  recipientsOfEvent,
  rolesFrom,
  rolesTold,
} from '@houston/common/notifications/recipients.js';
import type { Wakeup } from '@houston/common/queues/queues.js';
import { selectsEvent } from '@houston/common/webhooks/event-pattern.js';
import {
  type NewNotification,
  NotificationRouteStore,
  type Recipient,
  type RoutedChannel,
  type RoutedMember,
} from './notification-route.store.js';
import { decisionWords, isDecision, wasAnsweredIn } from './slack-decisions.js';

/** How long a message waits for an agent to take it. */
const AGENT_PATIENCE_MS = 30 * 24 * 3_600_000;
const NOBODY: Recipient = { memberId: null, agentId: null, channelId: null };

interface Asking {
  event: LedgerEvent;
  asked: AskedRecipients;
}

/** An event, and the workspace whose people are told. */
type PlacedEvent = LedgerEvent & { workspaceId: string };

interface MemberPlan {
  member: RoutedMember;
  plan: NotificationPlan;
}

interface Audience {
  members: RoutedMember[];
  agents: Set<string>;
  channels: RoutedChannel[];
  now: Date;
}

/**
 * Decides who is told of an event, and by which channel, and writes a notification for each: members and agents that the
 * event names in `recipients`, or who are in charge, as their preferences wish, and channels that listen to such events.
 */
@Injectable()
export class NotificationRoute extends EventRoute {
  readonly name = 'notifications';

  constructor(
    @Inject(NotificationRouteStore) private readonly store: NotificationRouteStore,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {
    super();
  }

  /** Writes in the relay's transaction; safe to repeat. @returns wake-ups to add after its commit */
  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]> {
    const asking = events.flatMap(asksFor);
    const audience = await this.audienceOf(tx, events, asking);
    const direct = asking.flatMap((one) => this.toThoseAsked(one, audience));
    const listened = events.flatMap((event) => this.toListeners(event, audience));
    const decided = await this.toWhereItWasAsked(tx, events);
    const all = onceEach([...direct, ...listened, ...decided]);
    const written = await this.store.insert(
      tx,
      all.filter((one) => one.digestKey === null),
    );
    const opened = await this.store.gather(
      tx,
      all.filter((one) => one.digestKey !== null),
    );
    const { organizationId } = tx;
    return [...written, ...opened].map(({ id: notificationId, ...due }) =>
      notificationWakeup({ organizationId, notificationId, ...due, attemptCount: 0 }),
    );
  }

  private async audienceOf(tx: Tx, events: readonly LedgerEvent[], asking: Asking[]): Promise<Audience> {
    const channels = await this.store.channels(
      tx,
      events.map((event) => event.workspaceId),
    );
    if (asking.length === 0) return { members: [], agents: new Set(), channels, now: new Date(0) };
    const all = (pick: (asked: AskedRecipients) => string[]) => [
      ...new Set(asking.flatMap(({ asked }) => pick(asked))),
    ];
    const workspaceIds = asking.flatMap(({ event }) => event.workspaceId ?? []);
    const members = await this.store.members(tx, {
      workspaceIds: workspaceIds.length < asking.length ? null : [...new Set(workspaceIds)],
      memberIds: all((asked) => asked.memberIds),
      roles: all((asked) => asked.roles.flatMap(rolesFrom)),
    });
    const agents = await this.store.agents(
      tx,
      all((asked) => asked.agentIds),
    );
    return { members, agents, channels, now: await this.store.now(tx) };
  }

  private toThoseAsked({ event, asked }: Asking, audience: Audience): NewNotification[] {
    const words = notificationText(event);
    const plans = onlyOneMailEach(
      membersAsked(event, asked, audience.members).map((member) => ({
        member,
        plan: this.planFor(member, event, asked),
      })),
    );
    const toMembers = plans.flatMap(({ member, plan }) => this.toMember(event, words, member, plan, audience.now));
    const { workspaceId } = event;
    if (workspaceId === null) return [...toMembers, ...this.toSlackOf(event, words, plans, audience)];
    const authors = new Set(asked.authorIds.map((id) => id.toLowerCase()));
    const toAgents = asked.agentIds
      .filter((id) => audience.agents.has(id.toLowerCase()) && !authors.has(id.toLowerCase()))
      .map((agentId) =>
        this.one({ ...event, workspaceId }, words, 'agent', { ...NOBODY, agentId }, { delayMs: AGENT_PATIENCE_MS }),
      );
    const wished = asked.channels?.includes('slack') === true && !isDecision(event) ? [workspaceId] : [];
    return [...toMembers, ...toAgents, ...this.toSlackOf(event, words, plans, audience, wished)];
  }

  /** To the Slack channels of those who wish to be told there, and of these workspaces besides. */
  private toSlackOf(
    event: LedgerEvent,
    words: NotificationText,
    plans: readonly MemberPlan[],
    { channels }: Audience,
    wished: readonly string[] = [],
  ): NewNotification[] {
    const told = new Set(wished);
    for (const { member, plan } of plans) if (plan.channels.includes('slack')) told.add(member.workspaceId);
    return channels
      .filter(({ kind, workspaceId }) => kind === 'slack' && told.has(workspaceId))
      .map(({ id, workspaceId }) => this.one({ ...event, workspaceId }, words, 'slack', { ...NOBODY, channelId: id }));
  }

  private planFor({ rules }: RoutedMember, event: LedgerEvent, asked: AskedRecipients): NotificationPlan {
    return planNotification({
      eventType: event.type,
      saysCritical: asked.isCritical,
      wanted: asked.channels,
      rules,
      hasMail: this.config.smtpUrl !== undefined,
    });
  }

  private toMember(
    event: LedgerEvent,
    words: NotificationText,
    { id, workspaceId, quietHours }: RoutedMember,
    { channels, critical, digestSeconds }: NotificationPlan,
    now: Date,
  ): NewNotification[] {
    const digest = { digestKey: digestSeconds === null ? null : event.type, critical };
    const windowMs = (digestSeconds ?? 0) * 1_000;
    return channels
      .filter((channel) => channel !== 'slack')
      .map((channel) => {
        const delayMs = this.firstDelayMs() + windowMs;
        // An inbox disturbs nobody.
        const isLoud = channel === 'email' && !critical && quietHours !== null;
        const quiet = isLoud ? quietUntil(quietHours, new Date(now.getTime() + delayMs)) : null;
        const waitMs = quiet === null ? delayMs : quiet.getTime() - now.getTime();
        return this.one(
          { ...event, workspaceId },
          words,
          channel,
          { ...NOBODY, memberId: id },
          { ...digest, delayMs: waitMs },
        );
      });
  }

  private toListeners(event: LedgerEvent, { channels }: Audience): NewNotification[] {
    const told = channels.filter((channel) => isTold(channel, event));
    if (told.length === 0) return [];
    const words = notificationText(event);
    return told.map(({ id, kind, workspaceId }) =>
      this.one({ ...event, workspaceId }, words, kind, { ...NOBODY, channelId: id }),
    );
  }

  /** A message in Slack cannot be edited unless somebody pressed its button: another says below what was decided. */
  private async toWhereItWasAsked(tx: Tx, events: readonly LedgerEvent[]): Promise<NewNotification[]> {
    const decisions = events.filter(isDecision);
    if (decisions.length === 0) return [];
    const asked = await this.store.decidedInSlack(
      tx,
      decisions.map(({ workspaceId, data }) => ({ workspaceId, id: data.approvalId })),
    );
    return decisions.flatMap((event) =>
      asked
        .filter((one) => one.approvalId === event.data.approvalId && !wasAnsweredIn(event, one))
        .map((one) => {
          const words = notificationText({ ...event, data: { ...event.data, ...decisionWords(one) } });
          return this.one(event, words, 'slack', { ...NOBODY, channelId: one.channelId });
        }),
    );
  }

  private one(
    { id: eventId, seq: eventSeq, type: eventType, workspaceId, subject }: PlacedEvent,
    words: NotificationText,
    channel: NewNotification['channel'],
    recipient: Recipient,
    more: Partial<Pick<NewNotification, 'critical' | 'digestKey' | 'delayMs'>> = {},
  ): NewNotification {
    const { critical = false, digestKey = null, delayMs = this.firstDelayMs() } = more;
    const origin = { workspaceId, eventId, eventSeq, eventType, subject };
    return { id: newId(), ...origin, channel, ...recipient, ...words, critical, digestKey, delayMs };
  }

  private firstDelayMs(): number {
    return this.config.notifyRetryScheduleMs[0] ?? 0;
  }
}

function asksFor(event: LedgerEvent): Asking[] {
  const asked = recipientsOfEvent(event);
  return asked === null ? [] : [{ event, asked }];
}

/** Members of the event's workspace; of what concerns the whole organization, those of every workspace. */
function membersAsked(
  { workspaceId }: LedgerEvent,
  { memberIds, roles, authorIds }: AskedRecipients,
  members: readonly RoutedMember[],
): RoutedMember[] {
  const authors = new Set(authorIds.map((id) => id.toLowerCase()));
  const present = members.filter(
    (member) => (workspaceId === null || member.workspaceId === workspaceId) && !authors.has(member.id),
  );
  const named = new Set(memberIds.map((id) => id.toLowerCase()));
  const told = rolesTold(roles, new Set(present.map(({ role }) => role)));
  return present.filter(({ id, role }) => named.has(id) || told.has(role));
}

/** Somebody may be a member of several workspaces: each inbox has it, the mailbox once. */
function onlyOneMailEach(plans: readonly MemberPlan[]): MemberPlan[] {
  const mailed = new Set<string>();
  return plans.map(({ member, plan }) => {
    if (!plan.channels.includes('email')) return { member, plan };
    const isFirst = !mailed.has(member.email);
    mailed.add(member.email);
    return { member, plan: isFirst ? plan : { ...plan, channels: plan.channels.filter((one) => one !== 'email') } };
  });
}

/**
 * A channel hears of its own workspace, and of the organization's budgets, which bind its runs too. And never that it
 * itself does not hear.
 */
function isTold({ id, workspaceId, events }: RoutedChannel, event: LedgerEvent): boolean {
  if (event.workspaceId === null ? !event.type.startsWith('budget.') : event.workspaceId !== workspaceId) return false;
  if (event.type.startsWith('notification.') && event.data['channelId'] === id) return false;
  return selectsEvent(events, event.type);
}

/** Somebody may be meant in several ways, and a channel may listen to what it is sent by name. */
function onceEach(notifications: NewNotification[]): NewNotification[] {
  const keyOf = ({ workspaceId, eventId, channel, memberId, agentId, channelId }: NewNotification) =>
    [workspaceId, eventId, channel, memberId ?? agentId ?? channelId].join();
  return [...new Map(notifications.map((one) => [keyOf(one), one])).values()];
}
