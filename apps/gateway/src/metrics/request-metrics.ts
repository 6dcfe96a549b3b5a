import type { FastifyInstance } from 'fastify';
import type { Metrics } from './metrics.js';

const NO_ROUTE = 'none';
/** Their length is the listener's choice. */
const STREAMS = new Set(['/api/events/stream']);

/** Counts every request once its answer is complete. */
export function measureRequests(server: FastifyInstance, metrics: Metrics): void {
  server.addHook('onResponse', (request, reply, done) => {
    const route = request.routeOptions.url ?? NO_ROUTE;
    if (!STREAMS.has(route)) metrics.requested(request.method, route, reply.statusCode, reply.elapsedTime);
    done();
  });
}
