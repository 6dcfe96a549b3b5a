import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Authenticator } from '../http/authenticator.js';
import type { Caller } from '../http/caller.js';
import { Problem } from '../http/problem.js';
import { problemBody } from '../http/problem.filter.js';

/**
 * HTTP Basic with any user; the password is a key of an owner or admin of the whole organization, because the queues
 * carry the ids of all workspaces. Wrong passwords are counted like all failed authentications.
 */
export function boardLogin(authenticator: Authenticator) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    try {
      await requireAdministrator(authenticator, request);
    } catch (error) {
      if (!(error instanceof Problem)) throw error;
      if (error.retryAfterSeconds !== undefined) void reply.header('retry-after', error.retryAfterSeconds);
      if (error.status === 401) void reply.header('www-authenticate', 'Basic realm="houston queues", charset="UTF-8"');
      await reply
        .status(error.status)
        .header('content-type', 'application/problem+json; charset=utf-8')
        .send(JSON.stringify(problemBody(error, request)));
    }
  };
}

async function requireAdministrator(authenticator: Authenticator, request: FastifyRequest): Promise<void> {
  if (request.method !== 'GET' && request.method !== 'HEAD') {
    throw new Problem('method_not_allowed', { detail: 'The board is to look at.' });
  }
  const password = passwordOf(request.headers.authorization);
  // A browser asks without a password first; that is no attempt.
  if (password === null) throw refusal();
  const caller = await authenticator.authenticate(password, undefined, request.ip);
  if (!isAdministrator(caller)) throw refusal();
}

function isAdministrator({ role, keyWorkspaceId }: Caller): boolean {
  return (role === 'owner' || role === 'admin') && keyWorkspaceId === null;
}

function refusal(): Problem {
  return new Problem('unauthenticated', {
    detail: 'Log in with any user name and, as password, an owner or admin key of the whole organization.',
  });
}

/** Null without an attempt to log in. */
function passwordOf(header: string | undefined): string | null {
  const [scheme = '', encoded = ''] = (header ?? '').split(' ');
  if (scheme.toLowerCase() !== 'basic') return null;
  const decoded = Buffer.from(encoded, 'base64').toString('utf8');
  const password = decoded.slice(decoded.indexOf(':') + 1);
  return decoded.includes(':') && password !== '' ? password : null;
}
