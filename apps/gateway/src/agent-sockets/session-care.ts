import {
  type BeforeApplicationShutdown,
  Inject,
  Injectable,
  Logger,
  type OnApplicationBootstrap,
} from '@nestjs/common';
import { setTimeout as delay } from 'node:timers/promises';
import { Authenticator } from '../http/authenticator.js';
import { Signals } from '../signals/signals.js';
import { Offers } from './offers.js';
import { Post } from './post.js';
import type { Halt } from './server-frame.js';
import type { Session } from './session.js';
import { SessionStore, type Standing } from './session.store.js';
import { Sessions } from './sessions.js';

const TICK_MS = 1_000;
/** Every so many ticks. */
const WRITE_EVERY = 2;
const LOOK_AT_ALL_EVERY = 10;
const ASK_KEYS_EVERY = 5;
const PROBE_EVERY = 15;
/** While the database does not answer, looks are left out. */
const MAX_WAITING = 16;
/** Without a heartbeat for so many intervals an agent counts as gone, even if its socket is there. */
const SILENT_INTERVALS = 3;
/** For agents to read why the connection ends, and for what they said to be done. */
const PART_WITHIN_MS = 2_000;

/** Looks after the open sessions: who is still there, who may still be, who is to pause, and what they hold. */
@Injectable()
export class SessionCare implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly logger = new Logger('agent sockets');
  private ticks = 0;
  private timer: NodeJS.Timeout | undefined;
  private turn: Promise<unknown> = Promise.resolve();
  private waiting = 0;

  constructor(
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(SessionStore) private readonly store: SessionStore,
    @Inject(Offers) private readonly offers: Offers,
    @Inject(Post) private readonly post: Post,
    @Inject(Signals) private readonly signals: Signals,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  onApplicationBootstrap(): void {
    this.signals.on('agentChanged', (agentId) => this.lookAt(agentId));
    this.timer = setInterval(() => this.tick(), TICK_MS);
  }

  async beforeApplicationShutdown(): Promise<void> {
    clearInterval(this.timer);
    await this.offers.stop();
    await this.within(PART_WITHIN_MS, () => this.sessions.sockets.every((socket) => socket.isSettled));
    this.sessions.sockets.forEach((socket) => socket.part('restarting'));
    await this.within(PART_WITHIN_MS, () => this.sessions.size === 0);
    this.sessions.sockets.forEach((socket) => socket.terminate());
    await this.within(PART_WITHIN_MS, () => this.sessions.size === 0);
    await this.sessions.ended();
    await this.turn;
  }

  private async within(ms: number, isDone: () => boolean): Promise<void> {
    for (let waitedMs = 0; waitedMs < ms && !isDone(); waitedMs += 20) await delay(20);
  }

  /** Something about this agent has changed. @param agentId null: about any */
  private lookAt(agentId: string | null): void {
    this.inTurn('look at sessions', () =>
      this.lookAfter([...this.sessions.open.keys()].filter(({ agent }) => agentId === null || agent.id === agentId)),
    );
  }

  private tick(): void {
    this.ticks += 1;
    const nowMs = performance.now();
    for (const session of this.sessions.open.keys()) {
      session.lapse(nowMs);
      const silenceMs = nowMs - session.socket.lastFrameAtMs;
      if (silenceMs > SILENT_INTERVALS * session.heartbeatIntervalMs + TICK_MS) session.socket.part('silent');
    }
    if (this.ticks % LOOK_AT_ALL_EVERY === 0) this.post.look(null);
    if (this.ticks % PROBE_EVERY === 0) this.sessions.sockets.forEach((socket) => socket.probe());
    if (this.ticks % WRITE_EVERY === 0) this.inTurn('write down sessions', () => this.write());
    if (this.ticks % ASK_KEYS_EVERY === 0) this.inTurn('ask for keys', () => this.askForKeys());
    this.offers.wake(null);
  }

  /** One after the other, and none that fails keeps the next from its turn. What is left out comes again with the ticks. */
  private inTurn(what: string, act: () => Promise<void>): void {
    if (this.waiting >= MAX_WAITING) return;
    this.waiting += 1;
    this.turn = this.turn
      .then(act)
      .catch((error: unknown) => this.logger.warn({ msg: `cannot ${what}`, err: error }))
      .finally(() => (this.waiting -= 1));
  }

  private async write(): Promise<void> {
    const isForAll = this.ticks % LOOK_AT_ALL_EVERY === 0;
    await this.lookAfter([...this.sessions.open.keys()].filter((session) => isForAll || session.hasNews));
    await this.forgetEnded();
  }

  /** Writes what is new of them, and acts on how they stand. */
  private async lookAfter(sessions: Session[]): Promise<void> {
    const byId = new Map(sessions.map((session) => [session.id, session]));
    for (const [organizationId, own] of groupBy(sessions, ({ caller }) => caller.organizationId)) {
      const told = own.map((session) => ({ session, news: session.takeNews() }));
      for (const standing of await this.store.lookAfter(organizationId, told)) {
        const session = byId.get(standing.sessionId);
        if (session) this.heed(session, standing);
      }
    }
  }

  private heed(session: Session, { standing, halt, agentMaxConcurrent }: Standing): void {
    if (standing !== 'current') return session.socket.part(standing === 'replaced' ? 'replaced' : 'session_lost');
    if (agentMaxConcurrent !== session.agentMaxConcurrent) {
      session.agentMaxConcurrent = agentMaxConcurrent;
      this.offers.wake(session.caller.workspaceId);
    }
    if (halt === session.halt) return;
    this.halt(session, halt);
  }

  private halt(session: Session, halt: Halt | null): void {
    session.halt = halt;
    if (halt === 'disabled') return session.socket.part('disabled');
    if (halt !== null) return void session.socket.send({ type: 'pause', reason: halt });
    session.socket.send({ type: 'resume' });
    this.offers.wake(session.caller.workspaceId);
  }

  /** What ended elsewhere (reported over HTTP, cancelled, reclaimed) makes room, and its agent may stop. */
  private async forgetEnded(): Promise<void> {
    const holders = [...this.sessions.open.keys()].filter(({ heldCount }) => heldCount > 0);
    for (const [, sessions] of groupBy(holders, ({ caller }) => caller.workspaceId)) {
      const holderOf = new Map<string, Session>(
        sessions.flatMap((session) => session.heldLeases.map(({ taskId }): [string, Session] => [taskId, session])),
      );
      const leases = sessions.flatMap(({ heldLeases }) => heldLeases);
      for (const { taskId, leaseId, unanswered } of await this.store.endedLeases(sessions[0]!.caller, leases)) {
        const session = holderOf.get(taskId);
        // It may have been given the same task anew meanwhile.
        if (session?.leaseIdOf(taskId) !== leaseId) continue;
        if (unanswered) session.unansweredOffer(taskId);
        // What it reported over this socket meanwhile it knows.
        else if (session.ended(taskId)) tellLost(session, taskId);
      }
    }
  }

  /** A revoked key's connections end within seconds. */
  private async askForKeys(): Promise<void> {
    await Promise.all(
      [...this.sessions.open].map(async ([session, { keyHash, caller }]) => {
        if (!(await this.authenticator.isStillValid(keyHash, caller.workspaceId)))
          session.socket.part('unauthenticated');
      }),
    );
  }
}

function tellLost({ socket }: Session, taskId: string): void {
  socket.send({ type: 'heartbeat.ok', tasks: [{ taskId, continue: false, lease: null, code: 'lease_lost' }] });
}

function groupBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}
