import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { HoustonRequest } from './caller.js';
import { parseJsonBody } from './json-body.js';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/** The HTTP server: limits, request ids, and a JSON parser that changes nothing silently. */
export function fastifyAdapter(): FastifyAdapter {
  const adapter = new FastifyAdapter({
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    // Until the server is closed it serves: see Farewell.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    genReqId: (request: { headers: Record<string, unknown> }) => requestId(request.headers['x-request-id']),
  });
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'string' }, (request, text, done) => {
    if (request.headers['idempotency-key'] !== undefined) (request as HoustonRequest).rawText = text as string;
    done(null, parseJsonBody(text as string));
  });
  return adapter;
}

function requestId(presented: unknown): string {
  return typeof presented === 'string' && REQUEST_ID.test(presented) ? presented : randomUUID();
}
