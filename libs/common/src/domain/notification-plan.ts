/** Ways in which somebody can be told something. */
export const NOTIFICATION_CHANNELS = ['webhook', 'slack', 'email', 'inbox', 'agent'] as const;

export type NotificationChannel = (typeof NOTIFICATION_CHANNELS)[number];

/** What a member wishes about events of one type. */
export interface PreferenceRule {
  /** `*`, `task.*`, or one type such as `task.blocked`. */
  event: string;
  /** Instead of the usual ones. */
  channels?: NotificationChannel[];
  /** Nothing of it, unless it is critical. */
  muted?: boolean;
  /** Gather what comes within so many seconds into one message. */
  digestSeconds?: number;
}

/** Told to members whatever they have muted. */
const CRITICAL_EVENTS: ReadonlySet<string> = new Set(['escalation.raised', 'budget.exhausted', 'budget.frozen']);

export interface PlanQuestion {
  eventType: string;
  /** The event says of itself that it is critical. */
  saysCritical: boolean;
  /** The channels that whoever caused the event asks for; null: the usual ones. */
  wanted: readonly NotificationChannel[] | null;
  rules: readonly PreferenceRule[];
  /** Mail can be sent to this member. */
  hasMail: boolean;
}

export interface NotificationPlan {
  /** Where a member is told; empty: not at all. */
  channels: ('email' | 'inbox' | 'slack')[];
  critical: boolean;
  /** Null: at once. */
  digestSeconds: number | null;
}

export function isCritical(eventType: string, saysCritical: boolean): boolean {
  return saysCritical || CRITICAL_EVENTS.has(eventType);
}

/** How one member is told of one event. What is critical can be moved to other channels, but neither muted nor gathered. */
export function planNotification(question: PlanQuestion): NotificationPlan {
  const critical = isCritical(question.eventType, question.saysCritical);
  const rule = ruleFor(question.rules, question.eventType);
  if (rule?.muted === true && !critical) return { channels: [], critical, digestSeconds: null };
  const usual = usualChannels(question);
  const chosen = personal(rule?.channels ?? usual);
  const channels = critical && chosen.length === 0 ? personal(usual) : chosen;
  return { channels, critical, digestSeconds: critical ? null : (rule?.digestSeconds ?? null) };
}

/** Whoever asks chooses the channels; the inbox is always among them, as a webhook alone would leave a person unaware. */
function usualChannels({ wanted, hasMail }: PlanQuestion): readonly NotificationChannel[] {
  if (wanted !== null) return ['inbox', ...wanted];
  return hasMail ? ['inbox', 'email'] : ['inbox'];
}

/** The most particular rule for this type; of several the first. */
export function ruleFor(rules: readonly PreferenceRule[], eventType: string): PreferenceRule | undefined {
  const noun = `${eventType.split('.')[0] ?? ''}.*`;
  const named = (event: string) => rules.find((rule) => rule.event === event);
  return named(eventType) ?? named(noun) ?? named('*');
}

/** Webhooks hear of events by their own patterns, and agents are no members. */
function personal(channels: readonly NotificationChannel[]): NotificationPlan['channels'] {
  const found = new Set(channels);
  return (['inbox', 'email', 'slack'] as const).filter((channel) => found.has(channel));
}
