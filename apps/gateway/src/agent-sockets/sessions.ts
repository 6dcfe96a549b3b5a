import { setTimeout as delay } from 'node:timers/promises';
import { Inject, Injectable, Logger } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { WebSocket } from 'ws';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import { asProblem } from '../http/problem.filter.js';
import { requireOwnAgent } from '../tasks/bearer.js';
import { AgentSocket } from './agent-socket.js';
import { FrameAnswers } from './frame-answers.js';
import type { HelloFrame } from './frame.dto.js';
import { Offers } from './offers.js';
import { Post } from './post.js';
import type { Frame } from './read-frame.js';
import type { Parting } from './server-frame.js';
import { ACK_WITHIN_MS, Session } from './session.js';
import { SessionStore } from './session.store.js';

const HELLO_WITHIN_MS = 10_000;

/** Who was let in, and how to ask again whether he still may. */
export interface Admitted {
  caller: Caller;
  /** SHA-256 of the key, hex. */
  keyHash: string;
  /** The only agent that the connection may speak for; null: any that the key may act for. */
  agentId: string | null;
}

/** The connections of this gateway: from hello to the end. */
@Injectable()
export class Sessions {
  private readonly logger = new Logger('agent sockets');
  private readonly waiting = new Set<AgentSocket>();
  private readonly sessions = new Map<Session, Admitted>();
  private readonly ending = new Set<Promise<void>>();

  constructor(
    @Inject(SessionStore) private readonly store: SessionStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(FrameAnswers) private readonly answers: FrameAnswers,
    @Inject(Offers) private readonly offers: Offers,
    @Inject(Post) private readonly post: Post,
  ) {}

  get size(): number {
    return this.waiting.size + this.sessions.size;
  }

  /** Those that have said hello. */
  get open(): ReadonlyMap<Session, Admitted> {
    return this.sessions;
  }

  get sockets(): AgentSocket[] {
    return [...this.waiting, ...[...this.sessions.keys()].map(({ socket }) => socket)];
  }

  /** A connection was made; the agent has 10 s to say who it is. */
  take(ws: WebSocket, admitted: Admitted): void {
    let session: Session | null = null;
    let isGreeting = false;
    const greet = async (body: HelloFrame): Promise<void> => {
      if (isGreeting) return socket.refuse(new Problem('conflict', { detail: 'You have said hello.' }), 'hello', null);
      isGreeting = true;
      clearTimeout(deadline);
      session = await this.greet(socket, admitted, body);
    };
    const socket: AgentSocket = new AgentSocket(ws, {
      onFrame: (frame) => (frame.type === 'hello' ? greet(frame.body) : this.hear(socket, session, frame)),
      onClose: () => {
        clearTimeout(deadline);
        this.waiting.delete(socket);
        if (session) this.leave(session);
      },
    });
    const deadline = setTimeout(() => socket.part('no_hello'), HELLO_WITHIN_MS);
    this.waiting.add(socket);
  }

  /** Resolves when all that is to be done for connections that are gone is done. */
  async ended(): Promise<void> {
    await Promise.all(this.ending);
  }

  private leave(session: Session): void {
    const ending = this.end(session).finally(() => this.ending.delete(ending));
    this.ending.add(ending);
  }

  private async hear(
    socket: AgentSocket,
    session: Session | null,
    frame: Exclude<Frame, { type: 'hello' }>,
  ): Promise<void> {
    if (session) return this.answers.answer(session, frame);
    socket.refuse(new Problem('conflict', { detail: 'Say hello first.' }), frame.type, null);
  }

  private async greet(socket: AgentSocket, admitted: Admitted, hello: HelloFrame): Promise<Session | null> {
    try {
      return await this.begin(socket, admitted, hello);
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status >= 500) this.logger.error({ msg: 'a hello failed', err: error });
      socket.refuse(problem, 'hello', null);
      socket.part(partingOf(problem));
      return null;
    }
  }

  private async begin(socket: AgentSocket, admitted: Admitted, hello: HelloFrame): Promise<Session | null> {
    const { caller } = admitted;
    const agent = await this.agents.find(caller.organizationId, hello.agentId);
    if (!agent) throw new Problem('not_found', { detail: 'There is no such agent.' });
    requireOwnAgent(caller, agent.id);
    if (admitted.agentId !== null && admitted.agentId !== agent.id) {
      throw new Problem('forbidden', { detail: 'This ticket was made for another agent.' });
    }
    const { instanceId, maxConcurrent = null, capabilities = null } = hello;
    const { organizationId, workspaceId, keyId, actor } = caller;
    const id = newId();
    const scope = { organizationId, workspaceId, keyId, actor };
    const opened = await this.store.open({ ...scope, id, agentId: agent.id, instanceId, maxConcurrent, capabilities });
    if (opened.verdict === 'unknown_agent') throw new Problem('not_found', { detail: 'There is no such agent.' });
    if (opened.verdict === 'too_many') return refused(socket, 'too_many_connections');
    const { halt, agentMaxConcurrent, leaseTtlMs } = opened;
    // It acts for this agent alone from now on, also where the key might act for any.
    const own = { ...caller, agentId: agent.id };
    const session = new Session({
      ...{ id, caller: own, agent, instanceId, capabilities, maxConcurrent },
      ...{ agentMaxConcurrent, halt, leaseTtlMs, socket },
    });
    this.waiting.delete(socket);
    if (!socket.isOpen) return this.tooLate(session);
    this.sessions.set(session, admitted);
    this.replaceOlder(session);
    const { heartbeatIntervalMs } = session;
    socket.send({
      type: 'ready',
      sessionId: id,
      agentId: agent.id,
      heartbeatIntervalMs,
      leaseTtlMs,
      ackWithinMs: ACK_WITHIN_MS,
    });
    if (halt === 'disabled') socket.part('disabled');
    else if (halt !== null) socket.send({ type: 'pause', reason: halt });
    this.offers.add(session);
    this.post.add(session);
    return session;
  }

  /** It hung up while it was being let in. */
  private async tooLate(session: Session): Promise<null> {
    await this.store.close(session);
    return null;
  }

  /** Of the same instance, here; other gateways hear of it. */
  private replaceOlder(session: Session): void {
    for (const other of this.sessions.keys()) {
      const isSame =
        other.agent.id === session.agent.id &&
        other.instanceId === session.instanceId &&
        other.caller.workspaceId === session.caller.workspaceId;
      if (isSame && other !== session) other.socket.part('replaced');
    }
  }

  /** Never rejects. What the agent works on it keeps: it may come back, or report over HTTP; what it was only offered goes back. */
  private async end(session: Session): Promise<void> {
    this.sessions.delete(session);
    this.offers.remove(session);
    this.post.remove(session);
    const { caller, socket } = session;
    // An acknowledgement may have been its last word.
    for (let waitedMs = 0; waitedMs < ACK_WITHIN_MS && !socket.isSettled; waitedMs += 10) await delay(10);
    for (const { taskId, lease } of session.takeUnacknowledged()) await this.offers.takeBack(session, taskId, lease);
    try {
      await this.store.close(session);
    } catch (error) {
      this.logger.warn({ msg: 'a session could not be closed; it lapses', agentId: session.agent.id, err: error });
    }
    this.offers.wake(caller.workspaceId);
  }
}

function refused(socket: AgentSocket, parting: Parting): null {
  socket.part(parting);
  return null;
}

function partingOf({ code }: Problem): Parting {
  if (code === 'not_found') return 'not_found';
  return code === 'forbidden' ? 'forbidden' : 'session_lost';
}
