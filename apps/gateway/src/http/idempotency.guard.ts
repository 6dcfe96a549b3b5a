import { createHash } from 'node:crypto';
import { type CanActivate, type ExecutionContext, Inject, Injectable } from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { bearer } from './caller.guard.js';
import type { Caller, HoustonRequest } from './caller.js';
import { IdempotencyStore } from './idempotency.store.js';
import { invalid, Problem } from './problem.js';
import { ReplayedAnswer } from './replayed-answer.js';
import { ANSWERS_WITH_SECRET, openAnswer } from './sealed-answer.js';

const MAX_KEY_LENGTH = 255;

/**
 * `Idempotency-Key` on every POST: the first success is kept for 24 hours and given again. A refusal is not kept: what
 * was denied may be asked again under the same key. Claims come here, on the way in; kept-answers.ts keeps, on the way
 * out. (A Nest interceptor would do both, but costs every request more than admission itself.)
 */
@Injectable()
export class IdempotencyGuard implements CanActivate {
  constructor(
    @Inject(IdempotencyStore) private readonly store: IdempotencyStore,
    @Inject(Reflector) private readonly reflector: Reflector,
  ) {}

  canActivate(context: ExecutionContext): boolean | Promise<boolean> {
    const request = context.switchToHttp().getRequest<HoustonRequest>();
    const key = request.headers['idempotency-key'];
    if (request.method !== 'POST' || key === undefined || !request.caller) return true;
    // The presented key seals answers that show a secret; null where the answer may be kept as it is.
    const hasSecret = this.reflector.get<boolean | undefined>(ANSWERS_WITH_SECRET, context.getHandler());
    return this.claim(request, request.caller, String(key), hasSecret ? bearer(request) : null);
  }

  /** @throws ReplayedAnswer, Problem idempotency_key_reused, idempotency_key_in_progress */
  private async claim(request: HoustonRequest, caller: Caller, key: string, sealWith: string | null): Promise<true> {
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
        throw replayOf(claim.status, sealWith === null ? claim.body : openAnswer(claim.body, sealWith));
      case 'claimed':
        request.creationSeed = `${request.url} ${claim.seed}`;
        request.keptAnswer = {
          sealWith,
          settle: (ending) => this.store.settle(caller, key, claim.claim, ending),
        };
        return true;
    }
  }
}

/** Null: the answer shows a secret and was kept for somebody else. */
function replayOf(status: number, body: string | null): Error {
  if (body === null) return new Problem('idempotency_key_reused', { detail: 'It was used with another API key.' });
  return new ReplayedAnswer(status, body);
}

function requestHash(request: HoustonRequest): string {
  return createHash('sha256')
    .update(`${request.method} ${request.url}\n${request.rawText ?? ''}`)
    .digest('hex');
}
