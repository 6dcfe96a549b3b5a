import { createHash } from 'node:crypto';
import { createParamDecorator, type ExecutionContext } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import type { HoustonRequest } from './caller.js';

export interface CreationId {
  id: string;
  /** The same request may have created it already, before a crash kept the answer back. */
  mayExist: boolean;
}

/** The id of what a request creates: derived from its Idempotency-Key where it has one, otherwise new. */
export const NewId = createParamDecorator((_: unknown, context: ExecutionContext): CreationId => {
  const { creationSeed } = context.switchToHttp().getRequest<HoustonRequest>();
  return creationSeed === undefined
    ? { id: newId(), mayExist: false }
    : { id: idFromSeed(creationSeed), mayExist: true };
});

/** A version 8 UUID (RFC 9562) from the SHA-256 of the seed. */
function idFromSeed(seed: string): string {
  const bytes = createHash('sha256').update(seed).digest().subarray(0, 16);
  bytes[6] = (bytes[6]! & 0x0f) | 0x80;
  bytes[8] = (bytes[8]! & 0x3f) | 0x80;
  const hex = bytes.toString('hex');
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-');
}
