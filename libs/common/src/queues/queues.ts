/**
 * Every queue of Houston. A job only wakes somebody up: its payload is ids, the truth is in Postgres, and losing all
 * jobs loses nothing, because whoever owns the due rows sweeps for those without a wake-up.
 */
export interface Payloads {
  /** One delivery of one webhook is due; those to the same endpoint are sent a few at a time. */
  'webhook-deliveries': { organizationId: string; workspaceId: string; deliveryId: string; endpointId: string };
  /** Something of this organization is due: a service level, or a look at what is watched. */
  'due-times': { organizationId: string };
  /** One message to one person, agent or channel is due; those to the same endpoint are sent a few at a time. */
  notifications: { organizationId: string; workspaceId: string; notificationId: string; endpointId: string };
  /** Work that was given up. Nobody works on these: they are there to be seen, until they are replayed or discarded. */
  'dead-letters': { organizationId: string; workspaceId: string; deadLetterId: string };
}

export type QueueName = keyof Payloads;

export interface QueueSpec {
  /** Runs of one job before it is given up. The rows keep their own count of what was tried in the world outside. */
  attempts: number;
  /** Wait before the next run of a job whose processor threw: doubles from here. */
  backoffMs: number;
  /** Always given: a job without one would overtake all that have one. 1 is first, 2,097,151 last. */
  priority: number;
  /** Jobs that one process works on at the same time. */
  concurrency: number;
}

/** Wake-ups by name; smaller numbers go first. */
export const PRIORITIES = { urgent: 10, high: 20, normal: 30, low: 40 } as const;

export const QUEUES: Readonly<Record<QueueName, QueueSpec>> = {
  'webhook-deliveries': {
    attempts: 3,
    backoffMs: 1_000,
    priority: PRIORITIES.normal,
    // Most of the time an attempt waits for a stranger's server; those that fail take no more than their share of these.
    concurrency: 100,
  },
  'due-times': { attempts: 1, backoffMs: 0, priority: PRIORITIES.high, concurrency: 4 },
  notifications: {
    attempts: 3,
    backoffMs: 1_000,
    priority: PRIORITIES.normal,
    // As above: it waits for Slack, or for a mail server.
    concurrency: 100,
  },
  'dead-letters': { attempts: 1, backoffMs: 0, priority: PRIORITIES.normal, concurrency: 1 },
};

export const QUEUE_NAMES = Object.keys(QUEUES) as QueueName[];

/** A job to be: committed rows name somebody who has to look. */
export type Wakeup = { [Name in QueueName]: WakeupOf<Name> }[QueueName];

export interface WakeupOf<Name extends QueueName> {
  queue: Name;
  payload: Payloads[Name];
  /**
   * Names the wake-up: while a job of this id exists, adding it again does nothing. Letters, digits, `-`, `_` and `.`
   * (the library reserves the colon, and takes a bare number for one of its own).
   */
  id: string;
  /** Wait before the job is due. Default 0. */
  delayMs?: number;
  priority?: keyof typeof PRIORITIES;
}
