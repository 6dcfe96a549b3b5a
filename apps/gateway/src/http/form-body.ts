import { isUtf8 } from 'node:buffer';
import type { FastifyInstance } from 'fastify';
import { BodyFault } from './json-body.js';
import { Problem } from './problem.js';

/** Where strangers send forms, because they know no better: Slack, and mail programs that unsubscribe. */
const FORM_PATHS = /^\/api\/(slack\/interactions|unsubscribe\/[^/?]+)$/;
const FORM = 'application/x-www-form-urlencoded';
/** By RFC 8058 the usual form of a mail program that unsubscribes. What is in it does not matter: the link says it all. */
const MULTIPART_PATHS = /^\/api\/unsubscribe\/[^/?]+$/;
const MULTIPART = 'multipart/form-data';
const LIMIT_BYTES = 256 * 1024;

/** A form as it came: what is signed is its very bytes. */
export class FormBody {
  constructor(readonly text: string) {}
}

/** Takes forms on the few paths that they come to, and nowhere else. */
export function takeForms(server: FastifyInstance): void {
  takeForm(server, FORM, FORM_PATHS);
  takeForm(server, MULTIPART, MULTIPART_PATHS);
}

function takeForm(server: FastifyInstance, type: string, paths: RegExp): void {
  server.addContentTypeParser(type, { parseAs: 'buffer', bodyLimit: LIMIT_BYTES }, (request, bytes, done) => {
    const [path = ''] = request.url.split('?');
    if (!paths.test(path)) {
      return done(new Problem('unsupported_media_type', { detail: 'The request body must be JSON.' }));
    }
    if (!isUtf8(bytes as Buffer)) return done(null, new BodyFault('malformed_request', 'The body is not UTF-8.'));
    done(null, new FormBody(bytes.toString('utf8')));
  });
}
