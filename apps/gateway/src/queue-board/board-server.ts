import { createBullBoard } from '@bull-board/api';
import { BullMQAdapter } from '@bull-board/api/bullMQAdapter';
import { FastifyAdapter } from '@bull-board/fastify';
import type { Queue } from 'bullmq';
import { fastify, type FastifyInstance } from 'fastify';

/** The page would fetch its fonts from a stranger and tell him who looks at it. */
const CONTENT_POLICY =
  "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; worker-src 'self' blob:; frame-ancestors 'none'";

/**
 * Bull Board over every queue of the catalogue, to look at. Nothing can be retried, cleaned or added there: jobs are
 * wake-ups for rows in Postgres, and what has to be done again is done through the API, which knows the rows.
 */
export async function boardServer(path: string, queues: Queue[]): Promise<FastifyInstance> {
  const serverAdapter = new FastifyAdapter();
  serverAdapter.setBasePath(path);
  createBullBoard({
    queues: queues.map((queue) => new BullMQAdapter(queue, { readOnlyMode: true })),
    serverAdapter,
    options: { uiConfig: { boardTitle: 'Houston queues' } },
  });
  const server = fastify({ routerOptions: { ignoreTrailingSlash: true } });
  server.addHook('onSend', async (_, reply) => {
    void reply
      .header('content-security-policy', CONTENT_POLICY)
      .header('x-content-type-options', 'nosniff')
      .header('cache-control', 'private, no-store');
  });
  await server.register(serverAdapter.registerPlugin(), { prefix: path });
  await server.ready();
  return server;
}
