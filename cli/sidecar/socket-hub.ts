import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { AgentConfig } from '../agent-config.js';
import { AgentSocket, type HoustonFrame, NotConnected, type Pulse as PulseFrame } from '../socket/agent-socket.js';
import { Answers } from './answers.js';
import { Backoff } from './backoff.js';
import { HttpHub } from './http-hub.js';
import {
  type Claim,
  type Hub,
  HubDenied,
  type Lease,
  type News,
  type Pulse,
  type Receipt,
  type Report,
} from './hub.js';
import { type Offer, OfferShelf } from './offer-shelf.js';
import { wordsOf } from './report-words.js';

/** What Houston has not answered by then is said again over HTTP. */
const ANSWER_WITHIN_MS = 10_000;
/** A frame may have 2 MB; what is larger goes over HTTP. */
const MAX_FRAME_CHARACTERS = 900_000;
/** While the socket cannot be had, HTTP is asked for work for so long at a time. */
const HTTP_WAIT_SECONDS = 10;

export interface SocketHubSetting {
  config: AgentConfig;
  /** Tasks at once. */
  concurrency: number;
  log(line: string): void;
}

/**
 * Houston over a WebSocket: tasks are pushed, and everything else is said over it too. Where it cannot be had (a proxy that
 * does not let it through, a Houston that is restarting) everything goes over HTTP, and the socket is tried again with
 * growing pauses.
 */
export class SocketHub implements Hub {
  private readonly http: HttpHub;
  private readonly instanceId = `${hostname()}:${process.pid}:${randomUUID()}`.slice(-200);
  private readonly offers = new OfferShelf();
  private readonly pulses = new Answers<PulseFrame>();
  private readonly receipts = new Answers<Receipt>();
  private readonly backoff = new Backoff();
  private socket: AgentSocket | null = null;
  private heartbeat: NodeJS.Timeout | undefined;
  private lastTaskId: string | undefined;
  private notBeforeMs = 0;
  private isClosed = false;
  private tellLost: (taskId: string, detail: string) => void = () => undefined;

  constructor(private readonly setting: SocketHubSetting) {
    this.http = new HttpHub(setting.config);
  }

  async claim(waitSeconds: number, signal: AbortSignal): Promise<Claim> {
    const socket = await this.open();
    if (!socket) return this.http.claim(Math.min(waitSeconds, HTTP_WAIT_SECONDS), signal);
    const offer = await this.offers.next(waitSeconds * 1_000, signal, socket);
    if (!offer) return { kind: 'nothing', reason: 'none' };
    const { task, lease } = offer;
    // Gone with its socket, or too late: Houston has it back.
    if (!offer.socket.ack(task.id, lease)) return { kind: 'nothing', reason: 'none' };
    this.lastTaskId = task.id;
    return { kind: 'task', task, lease: { id: lease.id, fence: lease.fence }, ttlMs: offer.socket.ready.leaseTtlMs };
  }

  async beat(taskId: string, lease: Lease, news: News): Promise<Pulse> {
    const tasks = [{ taskId, lease, ...news }];
    const { socket } = this;
    const frame = { type: 'heartbeat', lastTaskId: this.lastTaskId, tasks };
    const pulse = socket && (await this.pulses.ask(taskId, ANSWER_WITHIN_MS, () => this.say(frame)));
    if (!socket || !pulse) return this.http.beat(taskId, lease, news);
    const detail = pulse.detail ?? pulse.code ?? 'It is somebody else’s.';
    if (pulse.lease !== null) return { kind: 'held', goOn: pulse.continue, ttlMs: socket.ready.leaseTtlMs };
    return pulse.continue ? { kind: 'refused', detail } : { kind: 'lost', detail };
  }

  async report(taskId: string, lease: Lease, report: Report): Promise<Receipt> {
    const { verb, body } = wordsOf(report);
    const frame = { type: verb === 'complete' ? 'result' : verb, taskId, lease, ...body };
    const receipt = await this.receipts.ask(taskId, ANSWER_WITHIN_MS, () => this.say(frame));
    // Said twice it counts once: the lease ends with the first.
    return receipt ?? this.http.report(taskId, lease, report);
  }

  onLost(listener: (taskId: string, detail: string) => void): void {
    this.tellLost = listener;
  }

  /** Takes no more work. What is running is reported over HTTP. */
  close(): void {
    this.isClosed = true;
    this.socket?.close();
  }

  /** @returns null where it is not to be had now @throws HubDenied */
  private async open(): Promise<AgentSocket | null> {
    if (this.socket?.isOpen === true) return this.socket;
    if (this.isClosed || performance.now() < this.notBeforeMs) return null;
    const { config, concurrency } = this.setting;
    const hello = { agentId: config.agentId, instanceId: this.instanceId, maxConcurrent: concurrency };
    try {
      const socket = await AgentSocket.connect(config, hello, {
        onFrame: (frame, from) => this.hear(frame, from),
        onClose: (_code, reason) => this.lost(reason),
      });
      this.backoff.reset();
      this.socket = socket;
      const beat = () => void this.say({ type: 'heartbeat', lastTaskId: this.lastTaskId, tasks: [] });
      this.heartbeat = setInterval(beat, socket.ready.heartbeatIntervalMs).unref();
      if (this.isClosed) socket.close();
      return socket;
    } catch (error) {
      if (!(error instanceof NotConnected)) throw error;
      return this.refused(error);
    }
  }

  private refused(error: NotConnected): null {
    const { status, problem } = error;
    if (status === 401 || status === 403) {
      const detail = problem?.['detail'];
      throw new HubDenied(typeof detail === 'string' ? detail : error.message);
    }
    if (this.notBeforeMs === 0) this.setting.log(`no socket (${error.message}): over HTTP meanwhile`);
    this.rest();
    return null;
  }

  private rest(): void {
    this.notBeforeMs = performance.now() + this.backoff.nextMs();
  }

  private lost(reason: string): void {
    clearInterval(this.heartbeat);
    if (this.socket) this.offers.drop(this.socket);
    this.socket = null;
    this.pulses.giveUp();
    this.receipts.giveUp();
    if (this.isClosed) return;
    this.setting.log(`the socket is closed${reason === '' ? '' : `: ${reason}`}`);
    // A stopping gateway says so, and another one may be there at once.
    if (reason !== 'restarting') this.rest();
  }

  private say(frame: { type: string; [field: string]: unknown }): boolean {
    if (this.socket === null || JSON.stringify(frame).length > MAX_FRAME_CHARACTERS) return false;
    return this.socket.send(frame);
  }

  private hear(frame: HoustonFrame, from: AgentSocket): void {
    switch (frame.type) {
      case 'task':
        return this.offers.put({ task: frame.task, lease: frame.lease, socket: from } satisfies Offer);
      case 'heartbeat.ok':
        return frame.tasks.forEach((pulse) => this.hearPulse(pulse));
      case 'result.ok':
        return void this.receipts.answer(frame.taskId, { kind: 'accepted' });
      case 'error':
        return this.refusedFrame(frame.code, frame.detail, frame.re, frame.taskId);
      case 'notification':
        return this.setting.log(`told: ${frame.item.title}`);
      case 'pause':
        return this.setting.log(`Houston gives no new work: ${frame.reason}`);
      case 'resume':
        return this.setting.log('Houston gives work again');
      case 'ready':
      case 'closing':
        return;
    }
  }

  private hearPulse(pulse: PulseFrame): void {
    if (this.pulses.answer(pulse.taskId, pulse) || pulse.lease !== null) return;
    this.tellLost(pulse.taskId, pulse.detail ?? 'Houston has taken it back.');
  }

  private refusedFrame(code: string, detail: string, re: string | undefined, taskId: string | undefined): void {
    // Said again over HTTP it gets the answer that the sidecar knows how to take.
    if (re === 'heartbeat') return this.pulses.giveUp();
    if (taskId === undefined || re === 'ack') return;
    if (code === 'lease_lost' || code === 'not_found')
      return void this.receipts.answer(taskId, { kind: 'lost', detail });
    if (code === 'internal' || code === 'unavailable' || code === 'overloaded') return this.receipts.giveUp(taskId);
    this.receipts.answer(taskId, { kind: 'refused', code, detail });
  }
}
