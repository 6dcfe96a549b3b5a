import type { AgentRef } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { LeaseDto } from '../tasks/work.dto.js';
import type { AgentSocket } from './agent-socket.js';
import type { InstanceCapability } from './frame.dto.js';
import type { Halt } from './server-frame.js';

/** An offer has to be acknowledged within this; the lease says so too. */
export const ACK_WITHIN_MS = 10_000;
/** Whoever leaves offers unanswered gets no new one for 10 s, then 20 s, up to this. */
const LONGEST_REST_MS = 300_000;

interface Held {
  lease: LeaseDto;
  /** Of performance.now(); null once it is acknowledged. */
  offeredAtMs: number | null;
  /** Of performance.now(): without an extension its lease has run out by then. */
  untilMs: number;
}

export interface HeldLease {
  taskId: string;
  lease: LeaseDto;
}

export interface SessionSetting {
  id: string;
  /** Bound to the agent, whatever the key is bound to. */
  caller: Caller;
  agent: AgentRef;
  instanceId: string;
  /** Null: all of the agent's. */
  capabilities: InstanceCapability[] | null;
  /** Null: as many as the agent may have. */
  maxConcurrent: number | null;
  agentMaxConcurrent: number;
  halt: Halt | null;
  leaseTtlMs: number;
  socket: AgentSocket;
}

/** What is to be written down of a session. */
export interface SessionNews {
  seen: boolean;
  offeredMsAgo: number | null;
  acknowledgedMsAgo: number | null;
  lastTaskId: string | null;
  unanswered: number;
}

/**
 * A connected instance of an agent, as its gateway knows it. What it holds is remembered to know how much more it can take
 * and what to give back when it is gone; who has a task is decided by the database alone.
 */
export class Session {
  readonly id: string;
  readonly caller: Caller;
  readonly agent: AgentRef;
  readonly instanceId: string;
  readonly capabilities: InstanceCapability[] | null;
  readonly socket: AgentSocket;
  readonly leaseTtlMs: number;
  halt: Halt | null;
  agentMaxConcurrent: number;
  /** Of performance.now(); 0: never. */
  lastOfferedAtMs = 0;
  private readonly maxConcurrent: number | null;
  private readonly held = new Map<string, Held>();
  private unanswered = 0;
  private restsUntilMs = 0;
  private lastAcknowledgedAtMs = 0;
  private lastTaskId: string | null = null;
  private writtenAtMs = performance.now();
  private isUnwritten = false;

  constructor(setting: SessionSetting) {
    this.id = setting.id;
    this.caller = setting.caller;
    this.agent = setting.agent;
    this.instanceId = setting.instanceId;
    this.capabilities = setting.capabilities;
    this.maxConcurrent = setting.maxConcurrent;
    this.agentMaxConcurrent = setting.agentMaxConcurrent;
    this.halt = setting.halt;
    this.leaseTtlMs = setting.leaseTtlMs;
    this.socket = setting.socket;
  }

  get heartbeatIntervalMs(): number {
    return Math.min(Math.floor(this.leaseTtlMs / 3), 15_000);
  }

  get heldCount(): number {
    return this.held.size;
  }

  get heldLeases(): HeldLease[] {
    return [...this.held].map(([taskId, { lease }]) => ({ taskId, lease }));
  }

  leaseIdOf(taskId: string): string | undefined {
    return this.held.get(taskId)?.lease.id;
  }

  /** How many tasks may be offered to it now. */
  places(nowMs: number): number {
    if (!this.socket.isOpen || this.socket.isClogged || this.halt !== null || nowMs < this.restsUntilMs) return 0;
    return Math.max(0, this.limit - this.held.size);
  }

  /** Of what it may hold at once, from 0 to 1. */
  get freeShare(): number {
    return Math.max(0, 1 - this.held.size / Math.max(1, this.limit));
  }

  private get limit(): number {
    return Math.min(this.maxConcurrent ?? Infinity, this.agentMaxConcurrent);
  }

  /** It could not be given work although it has room: look again then, or when it has finished something. */
  rest(forMs: number): void {
    this.restsUntilMs = Math.max(this.restsUntilMs, performance.now() + forMs);
  }

  offered(taskId: string, lease: LeaseDto): void {
    const nowMs = performance.now();
    this.lastOfferedAtMs = nowMs;
    this.held.set(taskId, { lease, offeredAtMs: nowMs, untilMs: nowMs + this.leaseTtlMs });
  }

  /** It works on the task: acknowledged, or extended. */
  working(taskId: string, lease: LeaseDto): void {
    const nowMs = performance.now();
    if (this.held.get(taskId)?.offeredAtMs !== null) {
      this.lastAcknowledgedAtMs = nowMs;
      this.unanswered = 0;
    }
    this.held.set(taskId, { lease, offeredAtMs: null, untilMs: nowMs + this.leaseTtlMs });
  }

  /** The task is not its any more. @returns whether it was */
  ended(taskId: string): boolean {
    if (this.unanswered === 0) this.restsUntilMs = 0;
    return this.held.delete(taskId);
  }

  /** As `ended`, because the offer was not answered in time: it gets no new one for a while, each time longer. */
  unansweredOffer(taskId: string): void {
    if (!this.held.delete(taskId)) return;
    this.unanswered += 1;
    this.isUnwritten = true;
    this.rest(Math.min(ACK_WITHIN_MS * 2 ** (this.unanswered - 1), LONGEST_REST_MS));
  }

  hasSeen(taskId: string): void {
    this.lastTaskId = taskId;
  }

  /** Forgets offers that were not answered in time, and leases that must have run out. The database ends them by itself. */
  lapse(nowMs: number): void {
    for (const [taskId, { offeredAtMs, untilMs }] of this.held) {
      if (offeredAtMs !== null && nowMs >= offeredAtMs + ACK_WITHIN_MS) this.unansweredOffer(taskId);
      else if (nowMs >= untilMs) this.held.delete(taskId);
    }
  }

  /** Takes what is left when the connection is gone: offers that nobody took up. */
  takeUnacknowledged(): HeldLease[] {
    const offers = [...this.held].filter(([, { offeredAtMs }]) => offeredAtMs !== null);
    this.held.clear();
    return offers.map(([taskId, { lease }]) => ({ taskId, lease }));
  }

  get hasNews(): boolean {
    return this.isUnwritten || Math.max(this.socket.lastFrameAtMs, this.lastOfferedAtMs) > this.writtenAtMs;
  }

  /** What has happened since the last call; null when nothing has. */
  takeNews(): SessionNews | null {
    if (!this.hasNews) return null;
    this.isUnwritten = false;
    const since = this.writtenAtMs;
    const nowMs = performance.now();
    this.writtenAtMs = nowMs;
    const ago = (atMs: number) => (atMs > since ? nowMs - atMs : null);
    return {
      seen: this.socket.lastFrameAtMs > since,
      offeredMsAgo: ago(this.lastOfferedAtMs),
      acknowledgedMsAgo: ago(this.lastAcknowledgedAtMs),
      lastTaskId: this.lastTaskId,
      unanswered: this.unanswered,
    };
  }
}
