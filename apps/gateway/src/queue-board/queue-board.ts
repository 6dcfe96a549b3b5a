import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import { getQueueToken } from '@nestjs/bullmq';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import type { Queue } from 'bullmq';
import type { FastifyInstance } from 'fastify';
import { QUEUE_NAMES } from '@houston/common/queues/queues.js';
import { Authenticator } from '../http/authenticator.js';
import { boardLogin } from './board-login.js';

const PATH = '/queues';
/** The page would fetch its fonts from a stranger and tell him who looks at it. */
const CONTENT_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'";

/**
 * Bull Board over every queue of the catalogue, to look at. Nothing can be retried, cleaned or added there: jobs are
 * wake-ups for rows in Postgres, and what has to be done again is done through the API, which knows the rows.
 */
export async function mountQueueBoard(app: NestFastifyApplication): Promise<void> {
  const queues = QUEUE_NAMES.map((name) => app.get<Queue>(getQueueToken(name), { strict: false }));
  const login = boardLogin(app.get(Authenticator, { strict: false }));
  await app.register(
    async (server: FastifyInstance) => {
      server.addHook('onRequest', login);
      server.addHook('onSend', async (_, reply) => {
        void reply
          .header('content-security-policy', CONTENT_POLICY)
          .header('x-content-type-options', 'nosniff')
          .header('cache-control', 'private, no-store');
      });
      await server.register(boardOver(queues));
    },
    { prefix: PATH },
  );
}

function boardOver(queues: Queue[]) {
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(PATH);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Houston queues' } },
  });
  return serverAdapter.registerPlugin();
}
