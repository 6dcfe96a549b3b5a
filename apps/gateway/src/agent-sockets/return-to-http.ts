import type { IncomingMessage, Server } from 'node:http';
import type { Duplex } from 'node:stream';

/** Headers that ask for the upgrade which is not made. */
const LEFT_OUT = new Set(['upgrade', 'connection', 'http2-settings']);

/**
 * Serves a request whose wish for an upgrade is ignored, as HTTP wants it: clients that would rather speak HTTP/2 ask so with
 * every first request. Node takes a request out of HTTP as soon as somebody listens for upgrades; here it is written down
 * again without the wish, and read once more.
 */
export function returnToHttp(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const lines = [`${request.method} ${request.url} HTTP/${request.httpVersion}`];
  for (let index = 0; index < request.rawHeaders.length; index += 2) {
    const name = request.rawHeaders[index]!;
    if (!LEFT_OUT.has(name.toLowerCase())) lines.push(`${name}: ${request.rawHeaders[index + 1]}`);
  }
  // Header values are bytes; Node reads them as Latin-1.
  socket.unshift(Buffer.concat([Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1'), head]));
  server.emit('connection', socket);
}
