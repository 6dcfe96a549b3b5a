import { Inject, Injectable } from '@nestjs/common';
import { hashApiKey, looksLikeApiKey } from '@houston/common/auth/api-key.js';
import type { Role } from '@houston/common/auth/roles.js';
import type { Caller } from './caller.js';
import { CallerStore } from './caller.store.js';
import { FailedLogins } from './failed-logins.js';
import { Problem } from './problem.js';

const PREFIX_LENGTH = 16;

/** Turns a presented key into a caller, or into the problem that says why not. */
@Injectable()
export class Authenticator {
  constructor(
    @Inject(CallerStore) private readonly callers: CallerStore,
    @Inject(FailedLogins) private readonly failures: FailedLogins,
  ) {}

  /**
   * @param key the bare key, without `Bearer`
   * @param workspaceRef slug or id of the workspace asked for, if any
   * @param requireRole throws where the role may not; asked before anything is said of the workspace
   * @throws Problem unauthenticated, too_many_failures, workspace_not_found
   */
  async authenticate(
    key: string,
    workspaceRef: string | undefined,
    address: string,
    requireRole: (role: Role) => void = () => undefined,
  ): Promise<Caller> {
    if (!looksLikeApiKey(key)) return this.refuse(key, address);
    const answer = await this.callers.resolve({ hash: hashApiKey(key), workspaceRef: workspaceRef ?? '' });
    if (answer.kind === 'unknown_key') return this.refuse(key, address);
    requireRole(answer.kind === 'caller' ? answer.caller.role : answer.role);
    if (answer.kind === 'caller') return answer.caller;
    throw new Problem('workspace_not_found', { detail: 'This key reaches no workspace of that slug or id.' });
  }

  /** Whether a key that was let in, by its hash, still opens this workspace. */
  async isStillValid(keyHash: string, workspaceId: string): Promise<boolean> {
    return (await this.again(keyHash, workspaceId)) !== null;
  }

  /** The caller behind a key that was let in before, by its hash; null when it is revoked, expired or shut out. */
  async again(keyHash: string, workspaceId: string): Promise<Caller | null> {
    const answer = await this.callers.resolve({ hash: keyHash, workspaceRef: workspaceId });
    return answer.kind === 'caller' ? answer.caller : null;
  }

  /** Counts a failed attempt. @throws Problem unauthenticated, too_many_failures */
  refuse(key: string, address: string): never {
    const prefix = looksLikeApiKey(key) ? key.slice(0, PREFIX_LENGTH) : null;
    const retryAfterSeconds = this.failures.note(address, prefix);
    if (retryAfterSeconds !== null) {
      throw new Problem('too_many_failures', { detail: 'Wait before trying another key.', retryAfterSeconds });
    }
    throw new Problem('unauthenticated', {
      detail: 'Send a key that is neither revoked nor expired as "Authorization: Bearer hou_...".',
    });
  }
}
