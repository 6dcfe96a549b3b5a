import { WebSocket } from 'ws';
import type { HubAddress } from '../hub-request.js';

export interface Hello {
  /** Id or name. */
  agentId: string;
  /** Of this process: a second connection with the same one takes the place of the first. */
  instanceId: string;
  capabilities?: (string | { name: string; level?: number })[];
  maxConcurrent?: number;
}

export interface LeaseFrame {
  id: string;
  fence: number;
  expiresAt?: string;
}

export interface TaskFrame {
  type: 'task';
  task: { id: string; title: string; [field: string]: unknown };
  lease: LeaseFrame;
}

export interface Pulse {
  taskId: string;
  continue: boolean;
  /** Null: it is lost. */
  lease: LeaseFrame | null;
  code?: string;
  detail?: string;
}

export interface ErrorFrame {
  type: 'error';
  code: string;
  detail: string;
  /** The type of the frame it answers. */
  re?: string;
  taskId?: string;
  [more: string]: unknown;
}

/** What Houston says. */
export type HoustonFrame =
  | {
      type: 'ready';
      sessionId: string;
      agentId: string;
      heartbeatIntervalMs: number;
      leaseTtlMs: number;
      ackWithinMs: number;
    }
  | TaskFrame
  | { type: 'heartbeat.ok'; tasks: Pulse[] }
  | { type: 'result.ok'; taskId: string; status: string }
  | ErrorFrame
  | { type: 'notification'; item: { id: string; type: string; title: string; text: string; [more: string]: unknown } }
  | { type: 'pause'; reason: string }
  | { type: 'resume' }
  | { type: 'closing'; reason: string };

export type Ready = HoustonFrame & { type: 'ready' };

export interface HoustonListener {
  /** The first may come before `connect` has answered. */
  onFrame(frame: HoustonFrame, socket: AgentSocket): void;
  /** Once; `reason` is Houston's own word where it gave one. */
  onClose(code: number, reason: string): void;
}

/** The connection was not made: `status` of the answer and its problem, or null when nobody answered. */
export class NotConnected extends Error {
  constructor(
    message: string,
    readonly status: number | null,
    readonly problem: Record<string, unknown> | null,
    cause?: unknown,
  ) {
    super(message, { cause });
  }
}

const OPEN_WITHIN_MS = 15_000;
/** Houston asks for a sign of life every 15 s; without one for this long the line is dead. */
const SILENCE_MS = 45_000;
const MAX_PROBLEM_BYTES = 65_536;

/** An agent's end of the wire: says hello, sends frames, hears frames. What they mean is its owner's business. */
export class AgentSocket {
  readonly ready: Ready;
  private closing = '';
  private watchdog: NodeJS.Timeout;

  private constructor(
    private readonly ws: WebSocket,
    ready: Ready,
    private readonly listener: HoustonListener,
  ) {
    this.ready = ready;
    this.watchdog = this.watch();
    ws.on('ping', () => this.revive());
    ws.on('message', (data) => this.hear(frameIn(data as Buffer)));
    ws.once('close', (code, reason) => {
      clearTimeout(this.watchdog);
      listener.onClose(code, this.closing || reason.toString('utf8'));
    });
  }

  /** Connects and says hello. @throws NotConnected */
  static async connect(hub: HubAddress, hello: Hello, listener: HoustonListener): Promise<AgentSocket> {
    const ws = new WebSocket(`${hub.hub.replace(/^http/, 'ws')}/api/agents/connect`, {
      headers: {
        authorization: `Bearer ${hub.key}`,
        ...(hub.workspace === null ? {} : { 'x-workspace': hub.workspace }),
      },
      handshakeTimeout: OPEN_WITHIN_MS,
      perMessageDeflate: false,
    });
    return AgentSocket.greet(ws, hello, listener);
  }

  /** As `connect`, with a one-time ticket instead of a key. @throws NotConnected */
  static async connectWithTicket(
    url: string,
    ticket: string,
    hello: Hello,
    listener: HoustonListener,
  ): Promise<AgentSocket> {
    const address = `${url.replace(/^http/, 'ws')}/api/agents/connect?ticket=${encodeURIComponent(ticket)}`;
    return AgentSocket.greet(new WebSocket(address, { handshakeTimeout: OPEN_WITHIN_MS }), hello, listener);
  }

  private static greet(ws: WebSocket, hello: Hello, listener: HoustonListener): Promise<AgentSocket> {
    return new Promise((resolve, reject) => {
      let refusal: ErrorFrame | null = null;
      const deadline = setTimeout(() => ws.terminate(), OPEN_WITHIN_MS);
      const settle = (act: () => void) => {
        clearTimeout(deadline);
        ws.removeAllListeners();
        // What is wrong with the line is told by its end.
        ws.on('error', () => undefined);
        act();
      };
      ws.once('unexpected-response', (_request, response) => {
        void bodyOf(response).then((problem) => {
          const status = response.statusCode ?? 0;
          settle(() => reject(new NotConnected(`status ${status}`, status, problem)));
          ws.terminate();
        });
      });
      ws.once('error', (error) => settle(() => reject(new NotConnected(error.message, null, null, error))));
      ws.once('close', (code) =>
        settle(() => reject(new NotConnected(refusal?.detail ?? `closed with ${code}`, statusOf(code), refusal))),
      );
      ws.once('open', () => ws.send(JSON.stringify({ type: 'hello', ...hello })));
      ws.on('message', (data) => {
        const frame = frameIn(data as Buffer);
        if (frame.type === 'error') refusal = frame;
        if (frame.type === 'ready') settle(() => resolve(new AgentSocket(ws, frame, listener)));
      });
    });
  }

  get isOpen(): boolean {
    return this.ws.readyState === WebSocket.OPEN;
  }

  /** @returns false when the connection is gone */
  send(frame: { type: string; [field: string]: unknown }): boolean {
    if (!this.isOpen) return false;
    this.ws.send(JSON.stringify(frame));
    return true;
  }

  ack(taskId: string, { id, fence }: LeaseFrame): boolean {
    return this.send({ type: 'ack', taskId, lease: { id, fence } });
  }

  close(): void {
    this.ws.close(1000);
  }

  /** Without a word, as when the machine is gone. */
  terminate(): void {
    this.ws.terminate();
  }

  private hear(frame: HoustonFrame): void {
    this.revive();
    if (frame.type === 'closing') this.closing = frame.reason;
    this.listener.onFrame(frame, this);
  }

  private revive(): void {
    clearTimeout(this.watchdog);
    this.watchdog = this.watch();
  }

  private watch(): NodeJS.Timeout {
    return setTimeout(() => this.ws.terminate(), SILENCE_MS).unref();
  }
}

function frameIn(data: Buffer): HoustonFrame {
  return JSON.parse(data.toString('utf8')) as HoustonFrame;
}

/** Codes of 44xx say what an HTTP status of 4xx would; others say nothing of the kind. */
function statusOf(code: number): number | null {
  return code >= 4_400 && code < 4_500 ? code - 4_000 : null;
}

async function bodyOf(response: AsyncIterable<Buffer>): Promise<Record<string, unknown> | null> {
  let text = '';
  try {
    for await (const chunk of response) if (text.length < MAX_PROBLEM_BYTES) text += chunk.toString('utf8');
    const body: unknown = JSON.parse(text);
    return typeof body === 'object' && body !== null ? (body as Record<string, unknown>) : null;
  } catch {
    // The status alone says enough.
    return null;
  }
}
