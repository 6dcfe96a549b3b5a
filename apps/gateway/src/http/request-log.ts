import { Logger } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

/** Logs a line per request. Nobody wants it in normal times: it would cost more than many requests do. */
export function logRequests(server: FastifyInstance): void {
  const log = new Logger('http');
  server.addHook('onResponse', (request, reply, done) => {
    log.debug({
      msg: 'request',
      requestId: request.id,
      traceparent: request.headers.traceparent,
      method: request.method,
      url: request.url.split('?')[0],
      status: reply.statusCode,
      tookMs: Math.round(reply.elapsedTime),
    });
    done();
  });
}
