import { getQueueToken } from '@nestjs/bullmq';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { QUEUE_NAMES } from '@houston/common/queues/queues.js';
import { Authenticator } from '../http/authenticator.js';
import { boardLogin } from './board-login.js';

const PATH = '/queues';

/**
 * Shows Bull Board to administrators. It is a server of its own within this one, loaded when the first of them has
 * logged in: most gateways are never asked for it.
 */
export async function mountQueueBoard(app: NestFastifyApplication): Promise<void> {
  const queues = QUEUE_NAMES.map((name) => app.get<Queue>(getQueueToken(name), { strict: false }));
  const login = boardLogin(app.get(Authenticator, { strict: false }));
  let board: Promise<FastifyInstance> | undefined;
  const show = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    board ??= import('./board-server.js').then(({ boardServer }) => boardServer(PATH, queues));
    const { routing } = await board;
    reply.raw.setHeader('x-request-id', request.id);
    reply.hijack();
    routing(request.raw, reply.raw);
  };
  await app.register(async (server: FastifyInstance) => {
    server.addHook('onRequest', login);
    for (const url of [PATH, `${PATH}/*`]) server.all(url, show);
  });
}
