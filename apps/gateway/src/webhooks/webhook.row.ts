/** A webhook as it is stored; its secrets are not in it. */
export interface WebhookRow {
  id: string;
  url: string;
  description: string;
  events: string[];
  status: 'enabled' | 'disabled';
  disabled_reason: 'by_user' | 'gone' | 'failing' | null;
  failing_since: Date | null;
  consecutive_failures: number;
  version: number;
  created_at: Date;
  updated_at: Date;
  /** Creation in microseconds, exact. */
  sort_key: string;
}

export interface DeliveryRow {
  id: string;
  event_id: string;
  type: string;
  status: 'pending' | 'delivered' | 'exhausted';
  due_at: Date | null;
  created_at: Date;
}

export interface AttemptRow {
  delivery_id: string;
  number: number;
  trigger: 'automatic' | 'manual';
  at: Date;
  duration_ms: number | null;
  status: number | null;
  error_class: string | null;
  next_attempt_at: Date | null;
}

export interface AttemptResponseRow extends AttemptRow {
  response: string | null;
  response_truncated: boolean;
}
