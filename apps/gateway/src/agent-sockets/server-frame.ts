import type { InboxItemView } from '../notifications/notification.view.js';
import type { LeaseView, TaskView } from '../tasks/task.view.js';

/** Why an agent is given nothing new although it is connected. */
export type Halt = 'paused' | 'draining' | 'deprecated' | 'disabled';

/** Why a connection ends, and the code it is closed with. 1012 and 4410 mean: connect again. */
export const PARTINGS = {
  /** This gateway stops; another one, or this one after its restart, is there. */
  restarting: 1012,
  /** Too many frames that cannot be read. */
  malformed: 4400,
  /** The key is revoked or expired, or its workspace is gone. */
  unauthenticated: 4401,
  /** The key may not act for this agent, or the agent is disabled. */
  forbidden: 4403,
  disabled: 4403,
  not_found: 4404,
  no_hello: 4408,
  /** No heartbeat for three intervals. */
  silent: 4408,
  /** Another connection of the same instance has taken its place. */
  replaced: 4409,
  /** Houston has lost sight of this session. */
  session_lost: 4410,
  too_many_connections: 4429,
  too_many_frames: 4429,
} as const satisfies Record<string, number>;

export type Parting = keyof typeof PARTINGS;

export interface TaskPulse {
  taskId: string;
  continue: boolean;
  /** Null: it is lost. */
  lease: LeaseView | null;
  code?: string;
  reason?: string;
  detail?: string;
}

/** What Houston says. */
export type ServerFrame =
  | {
      type: 'ready';
      sessionId: string;
      agentId: string;
      heartbeatIntervalMs: number;
      leaseTtlMs: number;
      ackWithinMs: number;
    }
  | { type: 'task'; task: TaskView; lease: LeaseView }
  | { type: 'heartbeat.ok'; tasks: TaskPulse[] }
  | { type: 'result.ok'; taskId: string; status: string }
  | { type: 'error'; code: string; detail: string; re?: string; taskId?: string; [more: string]: unknown }
  | { type: 'notification'; item: InboxItemView }
  | { type: 'pause'; reason: Halt }
  | { type: 'resume' }
  | { type: 'closing'; reason: Parting };
