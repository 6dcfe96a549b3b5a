/** What came of one attempt to reach somebody. */
export type ChannelOutcome = ChannelDelivered | ChannelFailed;

export interface ChannelDelivered {
  kind: 'delivered';
  /** Of HTTP or SMTP, where the channel has one. */
  status?: number;
  response?: string;
  durationMs: number;
}

export interface ChannelFailed {
  kind: 'failed';
  /** One word: `timeout`, `channel_not_found`, `mailbox_refused`. */
  errorClass: string;
  /** No later attempt can succeed. */
  isPermanent: boolean;
  /** It was the other side as a whole, and not what was sent, or to whom: others sent there would fail as well. */
  isEndpointAtFault: boolean;
  status?: number;
  response?: string;
  /** More of it than one word says, where nothing was answered. */
  detail?: string;
  /** How long the other side asked to be left alone. */
  retryAfterMs?: number;
  durationMs: number;
}
