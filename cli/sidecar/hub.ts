/** What a task looks like to a sidecar; the rest is the command's to read. */
export interface Task {
  id: string;
  title: string;
  [field: string]: unknown;
}

export interface Lease {
  id: string;
  /** Rises with every lease of the task: a write with an older one is refused. */
  fence: number;
}

export type Claim =
  | { kind: 'task'; task: Task; lease: Lease; ttlMs: number }
  /** `reason`: none, at_capacity, paused or what else the hub says. */
  | { kind: 'nothing'; reason: string };

/** What a heartbeat carries; undefined: nothing new. */
export interface News {
  progress?: unknown;
  /** Cumulative for the attempt. */
  usage?: unknown;
}

export type Pulse =
  | { kind: 'held'; ttlMs: number; goOn: boolean }
  | { kind: 'lost'; detail: string }
  /** The lease stands, but the news were not taken. */
  | { kind: 'refused'; detail: string };

/** How an attempt ended. */
export type Report =
  | { kind: 'complete'; result: unknown; evidence?: unknown; outcome?: string; usage?: unknown }
  | { kind: 'fail'; failure: Failure; error: string; errorType?: string; resetsAt?: string; provider?: string }
  /** Not really tried: the attempt does not count. */
  | { kind: 'release'; reason: string };

export type Failure = 'transient' | 'permanent' | 'quota';

export type Receipt =
  | { kind: 'accepted' }
  | { kind: 'lost'; detail: string }
  /** The lease stands; the report is not acceptable as it is. */
  | { kind: 'refused'; code: string; detail: string };

/**
 * The way to Houston, whatever the wire. Every call throws HubUnreachable when it may be tried again, and HubDenied when
 * the key is of no use any more.
 */
export interface Hub {
  /** Waits up to `waitSeconds` for work. */
  claim(waitSeconds: number, signal: AbortSignal): Promise<Claim>;
  beat(taskId: string, lease: Lease, news: News): Promise<Pulse>;
  /** May be repeated: it counts once. */
  report(taskId: string, lease: Lease, report: Report): Promise<Receipt>;
  /** Tells of leases that the hub calls lost without having been asked. */
  onLost(listener: (taskId: string, detail: string) => void): void;
  /** No more work is wanted; what runs can still be reported. */
  close(): void;
}

/** The key is revoked, or may not act for this agent. */
export class HubDenied extends Error {}
