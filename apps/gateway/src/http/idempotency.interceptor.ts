import { createHash } from 'node:crypto';
import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Caller, HoustonRequest } from './caller.js';
import { type Ending, IdempotencyStore } from './idempotency.store.js';
import { invalid, Problem } from './problem.js';

const MAX_KEY_LENGTH = 255;

/**
 * `Idempotency-Key` on every POST: the first success is kept for 24 hours and given again. A refusal is not kept: what
 * was denied may be asked again under the same key.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(@Inject(IdempotencyStore) private readonly store: IdempotencyStore) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<HoustonRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined || !request.caller) return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    return from(this.once(request, reply, request.caller, String(key), next));
  }

  private async once(
    request: HoustonRequest,
    reply: FastifyReply,
    caller: Caller,
    key: string,
    next: CallHandler,
  ): Promise<unknown> {
    if (key === '' || key.length > MAX_KEY_LENGTH) {
      throw invalid('Idempotency-Key', `Use 1 to ${MAX_KEY_LENGTH} characters.`);
    }
    const claim = await this.store.claim(caller, key, requestHash(request));
    switch (claim.kind) {
      case 'reused':
        throw new Problem('idempotency_key_reused', { detail: 'Use a new key for a different request.' });
      case 'running':
        throw new Problem('idempotency_key_in_progress', { detail: 'Ask again shortly.', retryAfterSeconds: 1 });
      case 'replay':
        void reply
          .status(claim.status)
          .header('idempotent-replayed', 'true')
          .header('content-type', 'application/json; charset=utf-8');
        return claim.body;
      case 'claimed':
        request.creationSeed = `${request.url} ${claim.seed}`;
        return this.perform(reply, next, (ending) => this.store.settle(caller, key, claim.claim, ending));
    }
  }

  private async perform(
    reply: FastifyReply,
    next: CallHandler,
    settle: (ending: Ending) => Promise<void>,
  ): Promise<unknown> {
    try {
      const answer: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      const body = answer === undefined ? '' : JSON.stringify(answer);
      await settle({ outcome: 'done', status: reply.statusCode, body });
      return answer;
    } catch (error) {
      await settle({ outcome: isRefusal(error) ? 'refused' : 'unknown' });
      throw error;
    }
  }
}

/** Whether nothing was done, for sure. Of a lost connection nobody knows, nor of a success that could not be kept. */
function isRefusal(error: unknown): boolean {
  if (error instanceof Problem) return error.status < 500;
  return error instanceof HttpException && error.getStatus() < 500;
}

function requestHash(request: HoustonRequest): string {
  return createHash('sha256')
    .update(`${request.method} ${request.url}\n${request.rawText ?? ''}`)
    .digest('hex');
}
