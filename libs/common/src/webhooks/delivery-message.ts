const BODY_LIMIT_BYTES = 20_000;

/** What of an event is sent. */
export interface DeliverableEvent {
  id: string;
  type: string;
  time: Date;
  /** `<kind>:<id>` */
  subject: string;
  data: Record<string, unknown>;
}

/**
 * The text that is sent to every endpoint, in every attempt: `{type, timestamp, data}`, at most 20,000 bytes. An event
 * with more data than that is announced by its id and subject alone (`truncated: true`); the rest can be fetched.
 */
export function deliveryBody(event: DeliverableEvent): string {
  const bodyOf = (data: Record<string, unknown>) =>
    JSON.stringify({ type: event.type, timestamp: event.time.toISOString(), data });
  const whole = bodyOf(event.data);
  if (Buffer.byteLength(whole) <= BODY_LIMIT_BYTES) return whole;
  return bodyOf({ eventId: event.id, subject: event.subject, truncated: true });
}

/** The `webhook-id` of an event's deliveries: the same in every attempt, so that a receiver can tell repetitions. */
export function messageId(eventId: string): string {
  return `msg_${eventId.replaceAll('-', '')}`;
}
