/** A channel as it is stored; the address of a Slack channel and its signing secret are not in it. */
export interface ChannelRow {
  id: string;
  name: string;
  kind: 'slack' | 'email';
  address: string | null;
  events: string[];
  status: 'enabled' | 'disabled';
  disabled_reason: 'by_user' | 'unsubscribed' | null;
  has_signing_secret: boolean;
  version: number;
  created_at: Date;
  updated_at: Date;
  /** Creation in microseconds, exact. */
  sort_key: string;
}
