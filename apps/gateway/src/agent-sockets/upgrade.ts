import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';
import { randomUUID } from 'node:crypto';
import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { HttpAdapterHost } from '@nestjs/core';
import proxyAddr from '@fastify/proxy-addr';
import { type WebSocket, WebSocketServer } from 'ws';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { hashApiKey } from '@houston/common/auth/api-key.js';
import { mayDo } from '@houston/common/auth/roles.js';
import { Authenticator } from '../http/authenticator.js';
import { bearer } from '../http/caller.guard.js';
import { Farewell } from '../http/farewell.js';
import { Problem, notFound } from '../http/problem.js';
import { asProblem, problemBody } from '../http/problem.filter.js';
import { returnToHttp } from './return-to-http.js';
import { type Admitted, Sessions } from './sessions.js';
import { TicketService } from './ticket.service.js';

const PATH = '/api/agents/connect';
/** A result may have 1 MB, and is wrapped. */
const MAX_FRAME_BYTES = 2 * 1_048_576;
const MAX_CONNECTIONS = 10_000;

/** Lets agents in that want to speak WebSocket; whatever else asks for an upgrade goes on as if it had not. */
@Injectable()
export class Upgrade implements OnApplicationBootstrap {
  private readonly logger = new Logger('agent sockets');
  private readonly sockets = new WebSocketServer({
    noServer: true,
    clientTracking: false,
    maxPayload: MAX_FRAME_BYTES,
    perMessageDeflate: false,
  });

  constructor(
    @Inject(HttpAdapterHost) private readonly host: HttpAdapterHost,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
    @Inject(TicketService) private readonly tickets: TicketService,
    @Inject(Sessions) private readonly sessions: Sessions,
    @Inject(Farewell) private readonly farewell: Farewell,
    @Inject(CONFIG) private readonly config: HoustonConfig,
  ) {}

  onApplicationBootstrap(): void {
    const server = this.host.httpAdapter.getHttpServer() as Server;
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (request.headers.upgrade?.toLowerCase() !== 'websocket') return returnToHttp(server, request, socket, head);
      // Whoever leaves in the middle of it is not missed.
      socket.on('error', () => socket.destroy());
      this.admit(request)
        .then((admitted) => this.open(request, socket, head, admitted))
        .catch((error: unknown) => this.turnAway(request, socket, error));
    });
  }

  /** @throws Problem */
  private async admit(request: IncomingMessage): Promise<Admitted> {
    const url = new URL(request.url ?? '', 'http://houston');
    if (url.pathname !== PATH) throw notFound();
    if (this.farewell.begun) {
      throw new Problem('unavailable', { detail: 'This gateway is stopping.', retryAfterSeconds: 1 });
    }
    if (this.sessions.size >= MAX_CONNECTIONS) {
      throw new Problem('overloaded', { detail: 'Too many are connected already.', retryAfterSeconds: 5 });
    }
    const address = proxyAddr(request, this.config.trustedProxies);
    const ticket = url.searchParams.get('ticket');
    const admitted = ticket === null ? await this.byKey(request, address) : await this.tickets.consume(ticket, address);
    if (!mayDo(admitted.caller.role, 'tasks:work')) {
      throw new Problem('forbidden', { detail: `The role ${admitted.caller.role} may not work on tasks.` });
    }
    return admitted;
  }

  private async byKey(request: IncomingMessage, address: string): Promise<Admitted> {
    const key = bearer(request);
    const workspace = request.headers['x-workspace'];
    const caller = await this.authenticator.authenticate(
      key,
      Array.isArray(workspace) ? workspace[0] : workspace,
      address,
    );
    return { caller, keyHash: hashApiKey(key), agentId: null };
  }

  private open(request: IncomingMessage, socket: Duplex, head: Buffer, admitted: Admitted): void {
    this.sockets.handleUpgrade(request, socket, head, (ws: WebSocket) => this.sessions.take(ws, admitted));
  }

  private turnAway(request: IncomingMessage, socket: Duplex, error: unknown): void {
    const problem = asProblem(error);
    if (problem.status >= 500) this.logger.error({ msg: 'a connection could not be let in', err: error });
    const body = JSON.stringify(problemBody(problem, { url: request.url ?? PATH, id: randomUUID() }));
    const headers = [
      `HTTP/1.1 ${problem.status} ${problem.code}`,
      'content-type: application/problem+json; charset=utf-8',
      `content-length: ${Buffer.byteLength(body)}`,
      'connection: close',
      ...(problem.status === 401 ? ['www-authenticate: Bearer realm="houston"'] : []),
      ...(problem.retryAfterSeconds === undefined ? [] : [`retry-after: ${problem.retryAfterSeconds}`]),
    ];
    socket.end(`${headers.join('\r\n')}\r\n\r\n${body}`);
  }
}
