import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import type { FastifyRequest } from 'fastify';
import type { Role } from '@houston/common/auth/roles.js';
import type { WorkspaceScope } from '@houston/common/db/database.js';
import type { Ending } from './idempotency.store.js';

/** The workspace a request speaks in. */
export interface CallerWorkspace {
  readonly id: string;
  readonly slug: string;
  readonly name: string;
  readonly timezone: string;
  readonly settings: Record<string, unknown>;
}

/** Who is calling, and where. */
export interface Caller extends WorkspaceScope {
  readonly keyId: string;
  readonly keyName: string;
  readonly prefix: string;
  readonly role: Role;
  /** The workspace the key is bound to; null: any of the organization. */
  readonly keyWorkspaceId: string | null;
  /** The agent the key is bound to. */
  readonly agentId: string | null;
  /** The member of the workspace whose key it is. */
  readonly memberId: string | null;
  readonly workspace: CallerWorkspace;
  /** How the caller stands in the ledger: `key:<id>`. */
  readonly actor: string;
  /** Budgets, settings and prices as of this count of their changes, or later, are what the request is decided by. */
  readonly policyVersion: bigint;
}

/** What is to be done with the answer of a request that claimed an Idempotency-Key. */
export interface KeptAnswer {
  /** The API key to seal it with; null: it may be kept as it is. */
  sealWith: string | null;
  settle: (ending: Ending) => Promise<void>;
}

export interface HoustonRequest extends FastifyRequest {
  caller?: Caller;
  /** The body as it came; kept only where an Idempotency-Key needs it. */
  rawText?: string;
  /** Ids of things created by this request derive from it, so that a retry after a crash cannot create them twice. */
  creationSeed?: string;
  /** Set while the request holds a claim on its Idempotency-Key. */
  keptAnswer?: KeptAnswer;
}

export const CurrentCaller = createParamDecorator((_: unknown, context: ExecutionContext): Caller => {
  const { caller } = context.switchToHttp().getRequest<HoustonRequest>();
  if (!caller) throw new Error('This route has no caller: it lacks @Can');
  return caller;
});
