import { createHash } from 'node:crypto';
import {
  type CallHandler,
  type ExecutionContext,
  HttpException,
  Inject,
  Injectable,
  type NestInterceptor,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import type { FastifyReply } from 'fastify';
import { from, lastValueFrom, type Observable } from 'rxjs';
import type { Caller, HoustonRequest } from './caller.js';
import { bearer } from './caller.guard.js';
import { type Ending, IdempotencyStore } from './idempotency.store.js';
import { invalid, Problem } from './problem.js';
import { ANSWERS_WITH_SECRET, openAnswer, sealAnswer } from './sealed-answer.js';

const MAX_KEY_LENGTH = 255;

interface Attempt {
  request: HoustonRequest;
  reply: FastifyReply;
  caller: Caller;
  key: string;
  sealWith: string | null;
}

/**
 * `Idempotency-Key` on every POST: the first success is kept for 24 hours and given again. A refusal is not kept: what
 * was denied may be asked again under the same key.
 */
@Injectable()
export class IdempotencyInterceptor implements NestInterceptor {
  constructor(
    @Inject(IdempotencyStore) private readonly store: IdempotencyStore,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  intercept(context: ExecutionContext, next: CallHandler): Observable<unknown> {
    const request = context.switchToHttp().getRequest<HoustonRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined || !request.caller) return next.handle();
    const reply = context.switchToHttp().getResponse<FastifyReply>();
    // The presented key seals answers that show a secret; null where the answer may be kept as it is.
    const hasSecret = this.reflector.get<boolean | undefined>(ANSWERS_WITH_SECRET, context.getHandler());
    const sealWith = hasSecret ? bearer(request) : null;
    return from(this.once({ request, reply, caller: request.caller, key: String(key), sealWith }, next));
  }

  private async once({ request, reply, caller, key, sealWith }: Attempt, next: CallHandler): Promise<unknown> {
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
        return replay(reply, claim.status, sealWith === null ? claim.body : openAnswer(claim.body, sealWith));
      case 'claimed':
        request.creationSeed = `${request.url} ${claim.seed}`;
        return this.perform(reply, next, sealWith, (ending) => this.store.settle(caller, key, claim.claim, ending));
    }
  }

  private async perform(
    reply: FastifyReply,
    next: CallHandler,
    sealWith: string | null,
    settle: (ending: Ending) => Promise<void>,
  ): Promise<unknown> {
    try {
      const answer: unknown = await lastValueFrom(next.handle(), { defaultValue: undefined });
      const body = answer === undefined ? '' : JSON.stringify(answer);
      const kept = sealWith === null ? body : sealAnswer(body, sealWith);
      await settle({ outcome: 'done', status: reply.statusCode, body: kept });
      return answer;
    } catch (error) {
      await settle({ outcome: isRefusal(error) ? 'refused' : 'unknown' });
      throw error;
    }
  }
}

/** Null: the answer shows a secret and was kept for somebody else. */
function replay(reply: FastifyReply, status: number, body: string | null): string {
  if (body === null) throw new Problem('idempotency_key_reused', { detail: 'It was used with another API key.' });
  void reply
    .status(status)
    .header('idempotent-replayed', 'true')
    .header('content-type', 'application/json; charset=utf-8');
  return body;
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
