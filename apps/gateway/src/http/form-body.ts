import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { BodyFault } from './json-body.js';
import { Problem } from './problem.js';

/** Where strangers send forms, because they know no better: Slack, and mail programs that unsubscribe. */
const FORM_PATHS = /^\/api\/(slack\/interactions|unsubscribe\/[^/?]+)$/;
const FORM = 'application/x-www-form-urlencoded';
const LIMIT_BYTES = 256 * 1024;

/** A form as it came: what is signed is its very bytes. */
export class FormBody {
  constructor(readonly text: string) {}
}

/** Takes forms on the few paths that they come to, and nowhere else. */
export function takeForms(server: FastifyInstance): void {
  server.addContentTypeParser(FORM, { parseAs: 'buffer', bodyLimit: LIMIT_BYTES }, (request, bytes, done) => {
    const [path = ''] = request.url.split('?');
    if (!FORM_PATHS.test(path)) {
      return done(new Problem('unsupported_media_type', { detail: 'The request body must be JSON.' }));
    }
    if (!isUtf8(bytes as Buffer)) return done(null, new BodyFault('malformed_request', 'The body is not UTF-8.'));
    done(null, new FormBody(bytes.toString('utf8')));
  });
}
