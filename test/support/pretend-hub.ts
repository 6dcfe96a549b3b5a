import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Call {
  path: string;
  body: Record<string, unknown>;
  headers: IncomingMessage['headers'];
}

type Answer = { status: number; body?: unknown; headers?: Record<string, string> };

/** The far end of an agent's wire, which can be made to fail at will: away, silent, refusing, taking leases back. */
export class PretendHub {
  readonly calls: Call[] = [];
  /** Tasks to be given out. */
  readonly tasks: Record<string, unknown>[] = [];
  readonly givenOut: string[] = [];
  ttlMs = 30_000;
  /** Connections are cut. */
  isAway = false;
  /** Leases that somebody else has by now, by task. */
  readonly lost = new Set<string>();
  /** Tasks that are to end. */
  readonly unwanted = new Set<string>();
  /** Other answers, by the last part of the path. */
  readonly answers = new Map<string, (call: Call) => Answer>();
  private readonly server = createServer((request, response) => void this.serve(request, response));

  static async start(): Promise<PretendHub> {
    const hub = new PretendHub();
    await new Promise<void>((resolve) => hub.server.listen(0, '127.0.0.1', resolve));
    return hub;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  /** What was said with this verb: claim, heartbeat, complete, fail, release. */
  said(verb: string): Call[] {
    return this.calls.filter((call) => call.path.split('?')[0]!.endsWith(`/${verb}`));
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    if (this.isAway) return void request.socket.destroy();
    const text = Buffer.concat(chunks).toString('utf8');
    const call = {
      path: request.url ?? '',
      body: text === '' ? {} : JSON.parse(text),
      headers: request.headers,
    } as Call;
    this.calls.push(call);
    const { status, body, headers } = await this.answerTo(call);
    response.writeHead(status, { 'content-type': 'application/json', ...headers });
    response.end(body === undefined ? undefined : JSON.stringify(body));
  }

  private async answerTo(call: Call): Promise<Answer> {
    const verb = call.path.split('?')[0]!.split('/').at(-1) ?? '';
    const taskId = call.path.split('/')[3] ?? '';
    const special = this.answers.get(verb);
    if (special) return special(call);
    if (verb === 'claim') return this.claim();
    if (!call.path.startsWith('/api/tasks/')) return { status: 200, body: { maxConcurrent: 2 } };
    if (this.lost.has(taskId))
      return { status: 409, body: { code: 'lease_lost', detail: 'Another has it.', holder: null } };
    if (verb !== 'heartbeat') return { status: 200, body: {} };
    return { status: 200, body: { continue: !this.unwanted.has(taskId), lease: this.lease() } };
  }

  /** Waits a little, as a long poll does. */
  private async claim(): Promise<Answer> {
    for (let waited = 0; waited < 20 && this.tasks.length === 0; waited += 1) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    const task = this.tasks.shift();
    if (!task) return { status: 204, headers: { 'houston-reason': 'none' } };
    this.givenOut.push(String(task['id']));
    return { status: 200, body: { task: { title: 'a task', attempts: 1, ...task }, lease: this.lease() } };
  }

  private lease(): Record<string, unknown> {
    const expiresAt = new Date(Date.now() + this.ttlMs).toISOString();
    return { id: '0199aaaa-0000-7000-8000-000000000001', fence: 7, expiresAt };
  }
}
