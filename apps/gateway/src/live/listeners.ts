import { Inject, Injectable } from '@nestjs/common';
import { Authenticator } from '../http/authenticator.js';
import type { Caller, HoustonRequest } from '../http/caller.js';
import { Problem } from '../http/problem.js';

const REFUSALS = new Set(['unauthenticated', 'too_many_failures', 'workspace_not_found']);

/** Whoever was let in once is asked again as long as he listens. */
@Injectable()
export class Listeners {
  constructor(@Inject(Authenticator) private readonly authenticator: Authenticator) {}

  /** @returns a function that tells whether the key and its workspace are still there */
  check(request: HoustonRequest, caller: Caller): () => Promise<boolean> {
    const key = (request.headers.authorization ?? '').slice('Bearer '.length).trim();
    const { ip } = request;
    return async () => {
      try {
        await this.authenticator.authenticate(key, caller.workspaceId, ip);
        return true;
      } catch (error) {
        if (error instanceof Problem) return !REFUSALS.has(error.code);
        // While Postgres is away nobody can say, and nothing is streamed either.
        return true;
      }
    };
  }
}
