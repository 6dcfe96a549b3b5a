import { isUtf8 } from 'node:buffer';
import { randomUUID } from 'node:crypto';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { HoustonRequest } from './caller.js';
import { takeForms } from './form-body.js';
import { BodyFault, parseJsonBody } from './json-body.js';
import { notFound, Problem } from './problem.js';
import { sendProblem } from './problem.filter.js';

const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const REQUEST_ID = /^[\x21-\x7e]{1,128}$/;

/**
 * The HTTP server: limits, request ids, and a JSON parser that changes nothing silently.
 *
 * @param trustedProxies address blocks whose word is taken for whom a request comes from (`X-Forwarded-For`)
 */
export function fastifyAdapter(trustedProxies: readonly string[]): FastifyAdapter {
  const adapter = new FastifyAdapter({
    trustProxy: trustedProxies.length > 0 && [...trustedProxies],
    bodyLimit: BODY_LIMIT_BYTES,
    forceCloseConnections: 'idle',
    // Until the server is closed it serves: see Farewell.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 500 },
    frameworkErrors: answerUnroutable,
    genReqId: (request: { headers: Record<string, unknown> }) => requestId(request.headers['x-request-id']),
  });
  const server = adapter.getInstance();
  server.addHook('onRequest', (request, reply, done) => {
    void reply.header('x-request-id', request.id);
    done();
  });
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('application/json', { parseAs: 'buffer' }, (request, bytes, done) => {
    // Decoding would replace what is no UTF-8, silently.
    if (!isUtf8(bytes as Buffer)) return done(null, new BodyFault('malformed_request', 'The body is not UTF-8.'));
    const text = bytes.toString('utf8');
    if (request.headers['idempotency-key'] !== undefined) (request as HoustonRequest).rawText = text;
    done(null, parseJsonBody(text));
  });
  takeForms(server);
  return adapter;
}

/** Of a path that no route could even be looked up for; neither hooks nor filters see such a request. */
function answerUnroutable({ code }: { code: string }, request: FastifyRequest, reply: FastifyReply): void {
  // What is too long to be an id cannot exist.
  const problem =
    code === 'FST_ERR_MAX_PARAM_LENGTH'
      ? notFound()
      : new Problem('malformed_request', { detail: 'The path is not validly percent-encoded UTF-8.' });
  void reply.header('x-request-id', request.id);
  sendProblem(reply, request, problem);
}

function requestId(presented: unknown): string {
  return typeof presented === 'string' && REQUEST_ID.test(presented) ? presented : randomUUID();
}
