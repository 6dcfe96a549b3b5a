import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException, Logger } from '@nestjs/common';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { BacklogFull, CommitterClosed } from '@houston/common/db/group-commit.js';
import { REASON_HEADER, ReplayedAnswer } from './replayed-answer.js';
import { Problem, PROBLEMS, type ProblemCode, problemType } from './problem.js';

const RETRY_AFTER_SECONDS = 1;

/** Turns whatever was thrown into `application/problem+json`; what was not meant for the caller is logged, not shown. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  private readonly logger = new Logger('http');

  catch(thrown: unknown, host: ArgumentsHost): void {
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    if (thrown instanceof ReplayedAnswer) return replay(reply, thrown);
    const problem = asProblem(thrown);
    if (problem.status >= 500 && (problem.cause !== undefined || problem.code === 'internal')) {
      const { traceparent } = request.headers;
      const err = problem.cause ?? thrown;
      this.logger.error({ msg: 'request failed', requestId: request.id, traceparent, url: request.url, err });
    }
    if (!reply.sent) sendProblem(reply, request, problem);
  }
}

export function sendProblem(reply: FastifyReply, request: FastifyRequest, problem: Problem): void {
  void reply.send(describeProblem(reply, request, problem));
}

/** Sets status and headers of a problem's answer. @returns its body */
export function describeProblem(reply: FastifyReply, request: FastifyRequest, problem: Problem): string {
  if (problem.retryAfterSeconds !== undefined) void reply.header('retry-after', problem.retryAfterSeconds);
  if (problem.status === 401) void reply.header('www-authenticate', 'Bearer realm="houston"');
  void reply.status(problem.status).header('content-type', 'application/problem+json; charset=utf-8');
  return JSON.stringify(problemBody(problem, request));
}

function replay(reply: FastifyReply, { status, body }: ReplayedAnswer): void {
  const headers = { 'idempotent-replayed': 'true', 'content-type': 'application/json; charset=utf-8' };
  if (status === 204) {
    if (body !== '') void reply.header(REASON_HEADER, body);
    void reply.status(status).header('idempotent-replayed', 'true').send();
    return;
  }
  void reply.status(status).headers(headers).send(body);
}

export function problemBody(problem: Problem, request: { url: string; id: string }): Record<string, unknown> {
  return {
    type: problemType(problem.code),
    title: PROBLEMS[problem.code].title,
    status: problem.status,
    detail: problem.detail ?? PROBLEMS[problem.code].title,
    instance: request.url.split('?')[0],
    code: problem.code,
    ...(problem.errors ? { errors: problem.errors } : {}),
    ...problem.extensions,
    requestId: request.id,
  };
}

/** What the caller is told of whatever was thrown. */
export function asProblem(thrown: unknown): Problem {
  if (thrown instanceof Problem) return thrown;
  if (thrown instanceof BacklogFull) {
    return new Problem('overloaded', { detail: 'Try again shortly.', retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  if (thrown instanceof CommitterClosed) {
    return new Problem('unavailable', { detail: 'This gateway is stopping.', retryAfterSeconds: RETRY_AFTER_SECONDS });
  }
  if (thrown instanceof HttpException) return fromStatus(thrown.getStatus(), thrown.message, thrown);
  const { statusCode, code, message } = thrown as { statusCode?: number; code?: string; message?: string };
  if (typeof statusCode === 'number' && statusCode < 500) return fromStatus(statusCode, message ?? '', thrown);
  return fromDatabase(code, thrown);
}

function fromStatus(status: number, detail: string, cause: unknown): Problem {
  const codes: Record<number, ProblemCode> = {
    400: 'malformed_request',
    401: 'unauthenticated',
    403: 'forbidden',
    404: 'not_found',
    405: 'method_not_allowed',
    413: 'payload_too_large',
    415: 'unsupported_media_type',
    422: 'invalid_values',
  };
  return new Problem(codes[status] ?? (status < 500 ? 'malformed_request' : 'internal'), { detail, cause });
}

/** Postgres that is away or refuses is no verdict: the caller is told to come back, never that all is well. */
function fromDatabase(code: string | undefined, cause: unknown): Problem {
  const away = ['ECONNREFUSED', 'ECONNRESET', 'EPIPE', 'ENOENT', 'ETIMEDOUT'];
  const passing = /^(08|40|53|55P03|57|58|25P03)/;
  const message = cause instanceof Error ? cause.message : '';
  // Bodies were looked through before; this is a NUL in a query or a path.
  if (code === '22021' || code === '22P05')
    return new Problem('invalid_values', { detail: 'The NUL character cannot be stored.', cause });
  if (code === '22003') {
    return new Problem('invalid_values', {
      detail: 'A sum would exceed 9.2 billion USD, the most that is counted.',
      cause,
    });
  }
  if (away.includes(code ?? '') || passing.test(code ?? '') || /connection|timeout exceeded/i.test(message)) {
    return new Problem('unavailable', {
      detail: 'The database does not answer. Nothing was decided; try again shortly.',
      retryAfterSeconds: RETRY_AFTER_SECONDS,
      cause,
    });
  }
  return new Problem('internal', { detail: 'An unexpected fault. It is in the log under this requestId.', cause });
}
