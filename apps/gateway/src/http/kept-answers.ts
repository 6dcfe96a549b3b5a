import type { FastifyInstance, FastifyReply } from 'fastify';
import type { HoustonRequest, KeptAnswer } from './caller.js';
import { asProblem, describeProblem } from './problem.filter.js';
import { REASON_HEADER } from './replayed-answer.js';
import { sealAnswer } from './sealed-answer.js';

/** Keeps the answers of requests that claimed an Idempotency-Key before they leave. */
export function keepAnswers(server: FastifyInstance): void {
  server.addHook('onSend', (request: HoustonRequest, reply, payload, done) => {
    const { keptAnswer } = request;
    if (keptAnswer === undefined) return done(null, payload);
    request.keptAnswer = undefined;
    keep(keptAnswer, reply.statusCode, reasonOf(reply) ?? payload).then(
      () => done(null, payload),
      // Done but not kept: the caller is told that nobody knows, and finds what was done when asking again.
      (error: unknown) => done(null, unkept(request, reply, error)),
    );
  });
}

/** An answer without a body says what it has to say in a header; it is kept in the body's place. */
function reasonOf(reply: FastifyReply): string | undefined {
  const reason = reply.statusCode === 204 ? reply.getHeader(REASON_HEADER) : undefined;
  return typeof reason === 'string' ? reason : undefined;
}

async function keep({ sealWith, settle }: KeptAnswer, status: number, payload: unknown): Promise<void> {
  // Of a lost connection nobody knows whether something was done.
  if (status >= 400) return settle({ outcome: status < 500 ? 'refused' : 'unknown' });
  const body = typeof payload === 'string' ? payload : '';
  try {
    await settle({ outcome: 'done', status, body: sealWith === null ? body : sealAnswer(body, sealWith) });
  } catch (error) {
    await settle({ outcome: 'unknown' });
    throw error;
  }
}

function unkept(request: HoustonRequest, reply: FastifyReply, error: unknown): string {
  return describeProblem(reply, request, asProblem(error));
}
