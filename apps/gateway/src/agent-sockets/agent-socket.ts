import type { RawData, WebSocket } from 'ws';
import { Problem } from '../http/problem.js';
import { type Frame, readFrame } from './read-frame.js';
import { type Parting, PARTINGS, type ServerFrame } from './server-frame.js';

/** Frames that an agent may send in a burst, and in each second after it. */
const BURST_FRAMES = 2_000;
const FRAMES_PER_SECOND = 1_000;
/** Frames that cannot be read, until the connection is ended. */
const MAX_FAULTS = 20;
/** Frames under way at once; with more the connection is not read from. */
const MAX_UNDER_WAY = 64;
/** What waits to be sent: beyond the first nothing new is offered, beyond the second nobody is listening. */
const CLOGGED_BYTES = 1_048_576;
const HOPELESS_BYTES = 16_777_216;

export interface SocketListener {
  /**
   * Frames of one task come one after the other, those of different tasks at the same time. Only a result does not wait for
   * the end of the acknowledgement before it: both may be one write.
   */
  onFrame(frame: Frame): Promise<void>;
  onClose(): void;
}

/** The last frame of a lane. */
interface Lane {
  type: Frame['type'];
  begun: Promise<void>;
  done: Promise<void>;
}

/** The wire to one connected agent: limits, order and liveness, whatever is said over it. */
export class AgentSocket {
  private readonly lanes = new Map<string, Lane>();
  private underWay = 0;
  private faults = 0;
  private allowance = BURST_FRAMES;
  private allowanceAtMs = performance.now();
  private isAlive = true;
  /** Of performance.now(). */
  lastFrameAtMs = performance.now();

  constructor(
    private readonly ws: WebSocket,
    private readonly listener: SocketListener,
  ) {
    ws.on('message', (data, isBinary) => this.receive(data, isBinary));
    ws.on('pong', () => (this.isAlive = true));
    // The close that follows says all there is to do; ws has closed it with the right code by itself.
    ws.on('error', () => undefined);
    ws.once('close', () => listener.onClose());
  }

  get isOpen(): boolean {
    return this.ws.readyState === this.ws.OPEN;
  }

  /** Whether it takes frames in slower than they are sent. */
  get isClogged(): boolean {
    return this.ws.bufferedAmount > CLOGGED_BYTES;
  }

  /** @returns false when the connection is gone */
  send(frame: ServerFrame): boolean {
    if (!this.isOpen) return false;
    if (this.ws.bufferedAmount > HOPELESS_BYTES) {
      this.ws.terminate();
      return false;
    }
    this.ws.send(JSON.stringify(frame));
    return true;
  }

  /** Tells what was wrong with a frame. */
  refuse(problem: Problem, re: string | null, taskId: string | null): void {
    this.send({
      type: 'error',
      code: problem.code,
      detail: problem.message,
      ...(problem.errors ? { errors: problem.errors } : {}),
      ...problem.extensions,
      ...(re === null ? {} : { re }),
      ...(taskId === null ? {} : { taskId }),
    });
  }

  /** Says why, and ends the connection. */
  part(reason: Parting): void {
    if (!this.isOpen) return;
    this.send({ type: 'closing', reason });
    this.ws.close(PARTINGS[reason], reason);
  }

  /** Ends a connection that has shown no life since the last call; asks the others for a sign. */
  probe(): void {
    if (!this.isOpen) return;
    if (!this.isAlive) return this.ws.terminate();
    this.isAlive = false;
    this.ws.ping();
  }

  terminate(): void {
    this.ws.terminate();
  }

  /** Whether nothing it said is under way any more. */
  get isSettled(): boolean {
    return this.underWay === 0;
  }

  private receive(data: RawData, isBinary: boolean): void {
    if (!this.isOpen) return;
    this.isAlive = true;
    this.lastFrameAtMs = performance.now();
    if (!this.isWithinRate()) return this.part('too_many_frames');
    if (isBinary) {
      return this.fault(new Problem('malformed_request', { detail: 'Send text frames of JSON.' }), null, null);
    }
    // Text frames come as one buffer, and ws has checked that they are UTF-8.
    const reading = readFrame((data as Buffer).toString('utf8'));
    if (reading.kind === 'fault') return this.fault(reading.problem, reading.re, reading.taskId);
    this.enqueue(reading.frame);
  }

  private fault(problem: Problem, re: string | null, taskId: string | null): void {
    this.refuse(problem, re, taskId);
    this.faults += 1;
    if (this.faults >= MAX_FAULTS) this.part('malformed');
  }

  private isWithinRate(): boolean {
    const nowMs = performance.now();
    const earned = ((nowMs - this.allowanceAtMs) / 1_000) * FRAMES_PER_SECOND;
    this.allowance = Math.min(this.allowance + earned, BURST_FRAMES) - 1;
    this.allowanceAtMs = nowMs;
    return this.allowance >= 0;
  }

  private enqueue(frame: Frame): void {
    const lane = 'taskId' in frame.body ? frame.body.taskId : frame.type;
    this.underWay += 1;
    if (this.underWay >= MAX_UNDER_WAY) this.ws.pause();
    const last = this.lanes.get(lane);
    const begun = (frame.type === 'result' && last?.type === 'ack' ? last.begun : last?.done) ?? Promise.resolve();
    const done: Promise<void> = begun
      .then(() => this.listener.onFrame(frame))
      .finally(() => {
        if (this.lanes.get(lane)?.done === done) this.lanes.delete(lane);
        this.underWay -= 1;
        if (this.ws.isPaused && this.underWay < MAX_UNDER_WAY / 2) this.ws.resume();
      });
    this.lanes.set(lane, { type: frame.type, begun, done });
  }
}
