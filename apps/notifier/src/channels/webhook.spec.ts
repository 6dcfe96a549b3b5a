import { createServer, type RequestListener } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { newSecret, sign } from '@houston/common/webhooks/signature.js';
import { Webhook } from 'standardwebhooks';
import { RESPONSE_LIMIT_BYTES } from './webhook-response.js';
import { sendWebhook, type WebhookAttempt } from './webhook.js';

const LOOPBACK = ['127.0.0.0/8'];
const MEBIBYTE = 1024 * 1024;
const closers: (() => Promise<void>)[] = [];

async function listen(server: Server, host = '127.0.0.1'): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('error', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  closers.push(async () => {
    sockets.forEach((socket) => socket.destroy());
    await new Promise((resolve) => server.close(resolve));
  });
  return (server.address() as AddressInfo).port;
}

const serve = async (listener: RequestListener) => `http://127.0.0.1:${await listen(createServer(listener))}/hook`;
const serveTcp = async (onSocket: (socket: Socket) => void) =>
  `http://127.0.0.1:${await listen(createTcpServer(onSocket))}/hook`;
const answer = (status: number, headers: Record<string, string> = {}, body = '') =>
  serve((request, response) => {
    request.resume();
    response.writeHead(status, headers).end(body);
  });
const send = (url: string, more: Partial<WebhookAttempt> = {}) =>
  sendWebhook({ url, body: '{"a":1}', headers: {}, allowCidrs: LOOPBACK, deadlineMs: 5_000, ...more });

afterEach(async () => {
  await Promise.all(closers.splice(0).map((close) => close()));
});

describe('the request', () => {
  test('arrives as signed, byte for byte, and an independent verifier accepts it', async () => {
    const secret = newSecret();
    const body = '{"type":"budget.exhausted","text":"Zürich \u{1f680}"}';
    const timestampSeconds = Math.floor(Date.now() / 1000);
    const headers = {
      'webhook-id': 'msg_1',
      'webhook-timestamp': String(timestampSeconds),
      'webhook-signature': sign({ id: 'msg_1', timestampSeconds, body, secrets: [secret] }),
    };
    const seen: { bytes: Buffer; headers: Record<string, string>; target: string }[] = [];
    const url = await serve((request, response) => {
      const chunks: Buffer[] = [];
      request.on('data', (chunk: Buffer) => chunks.push(chunk));
      request.on('end', () => {
        const received = request.headers as Record<string, string>;
        seen.push({ bytes: Buffer.concat(chunks), headers: received, target: `${request.method} ${request.url}` });
        response.end('thanks');
      });
    });
    const outcome = await send(`${url}?team=a%20b`, { body, headers });
    expect(outcome).toMatchObject({ kind: 'delivered', status: 200, response: { body: 'thanks', isTruncated: false } });
    expect(seen).toHaveLength(1);
    new Webhook(secret).verify(seen[0]!.bytes, seen[0]!.headers);
    expect(seen[0]!.target).toBe('POST /hook?team=a%20b');
    expect(seen[0]!.headers).toMatchObject({
      'user-agent': 'Houston-Webhooks/1.0',
      'content-type': 'application/json',
      'content-length': String(Buffer.byteLength(body)),
      host: new URL(url).host,
    });
  });

  test.each([
    { 'webhook-id': 'a\r\nx-evil: 1' },
    { 'webhook-id': 'a\nx' },
    { 'webhook-id': 'a\u0000' },
    { 'webhook-id': '\u560d\u560a' },
    { 'x\r\nevil': '1' },
    { host: 'other.example' },
    { 'content-length': '0' },
    { 'transfer-encoding': 'chunked' },
  ])('a header that could change the request is refused before anything is sent: %j', async (headers) => {
    let connections = 0;
    const url = await serveTcp((socket) => {
      connections += 1;
      socket.destroy();
    });
    await expect(send(url, { headers: headers as unknown as Record<string, string> })).rejects.toThrow('header');
    expect(connections).toBe(0);
  });

  test('a line break in the address cannot start a second header', async () => {
    expect(await send('http://127.0.0.1:9999/\r\nx-evil: 1')).toMatchObject({
      kind: 'failed',
      errorClass: 'invalid_url',
    });
  });
});

describe('the status', () => {
  test.each([200, 201, 202, 204, 299])('%d is a delivery', async (status) => {
    expect(await send(await answer(status))).toMatchObject({ kind: 'delivered', status });
  });

  test.each([301, 302, 303, 307, 308])('%d to a private address fails and is not followed', async (status) => {
    let visits = 0;
    const secret = await serve((_request, response) => {
      visits += 1;
      response.end('secret');
    });
    const outcome = await send(await answer(status, { location: secret }));
    expect(outcome).toMatchObject({ kind: 'failed', errorClass: 'redirect', status });
    expect(visits).toBe(0);
  });

  test('410 says that the endpoint is gone', async () => {
    expect(await send(await answer(410))).toMatchObject({ kind: 'gone', status: 410 });
  });

  test.each([400, 401, 404, 500, 502])('%d is a failure without a wish', async (status) => {
    const outcome = await send(await answer(status, { 'retry-after': '7' }, 'why'));
    expect(outcome).toMatchObject({ kind: 'failed', errorClass: 'http_error', status, response: { body: 'why' } });
    expect(outcome).not.toHaveProperty('retryAfterMs');
  });

  test.each([429, 503])('%d may ask for time, in seconds or until a date', async (status) => {
    expect(await send(await answer(status, { 'retry-after': '7' }))).toMatchObject({ status, retryAfterMs: 7_000 });
    const date = new Date(Date.now() + 60_000).toUTCString();
    const outcome = await send(await answer(status, { 'retry-after': date }));
    expect(outcome).toMatchObject({ kind: 'failed', retryAfterMs: expect.any(Number) });
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeGreaterThan(55_000);
    expect((outcome as { retryAfterMs: number }).retryAfterMs).toBeLessThanOrEqual(60_000);
  });
});

describe('an answer that does not end well', () => {
  test('a body of one byte every 100 ms is given up within the deadline; its status counts', async () => {
    let isClosed: Promise<unknown> = Promise.resolve();
    const url = await serve((_request, response) => {
      response.writeHead(200);
      const timer = setInterval(() => response.write('.'), 100);
      isClosed = new Promise((resolve) => response.on('close', resolve)).then(() => clearInterval(timer));
    });
    const outcome = await send(url, { deadlineMs: 600 });
    expect(outcome).toMatchObject({ kind: 'delivered', status: 200, response: { isTruncated: true } });
    expect(outcome.durationMs).toBeLessThan(10_000);
    expect((outcome as { response: { body: string } }).response.body).toMatch(/^\.{1,99}$/);
    await isClosed;
  });

  test('a dripping body holds nobody for longer than two seconds, however late the deadline', async () => {
    const url = await serve((_request, response) => {
      response.writeHead(500);
      const timer = setInterval(() => response.write('.'), 100);
      response.on('close', () => clearInterval(timer));
    });
    const outcome = await send(url, { deadlineMs: 15_000 });
    expect(outcome).toMatchObject({ kind: 'failed', errorClass: 'http_error', status: 500 });
    expect(outcome.durationMs).toBeLessThan(12_000);
  });

  test('headers of one byte every 50 ms end at the deadline', async () => {
    const url = await serveTcp((socket) => {
      const timer = setInterval(() => socket.write('H'), 50);
      socket.on('close', () => clearInterval(timer));
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    });
    const outcome = await send(url, { deadlineMs: 400 });
    expect(outcome).toMatchObject({ kind: 'failed', errorClass: 'timeout', response: null });
    expect(outcome.durationMs).toBeLessThan(10_000);
  });

  test('an endpoint that accepts and says nothing ends at the deadline, and its socket is closed', async () => {
    let closed: Promise<unknown> | undefined;
    const url = await serveTcp((socket) => {
      socket.resume();
      closed = new Promise((resolve) => socket.on('close', resolve));
    });
    expect(await send(url, { deadlineMs: 300 })).toMatchObject({ errorClass: 'timeout' });
    await closed;
  });

  test('of a body of 200 MB at most a few socket buffers are read, and memory stays flat', async () => {
    const block = Buffer.alloc(MEBIBYTE, 'x');
    let blocks = 0;
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-length': String(200 * MEBIBYTE) });
      const pump = () => {
        while (blocks < 200 && !response.destroyed) {
          blocks += 1;
          if (!response.write(block)) return response.once('drain', pump);
        }
        return response.end();
      };
      pump();
    });
    const before = process.memoryUsage().rss;
    const outcome = await send(url);
    expect(outcome).toMatchObject({ kind: 'delivered', response: { isTruncated: true } });
    expect((outcome as { response: { body: string } }).response.body).toBe('x'.repeat(RESPONSE_LIMIT_BYTES));
    expect(blocks).toBeLessThan(20);
    expect(process.memoryUsage().rss - before).toBeLessThan(40 * MEBIBYTE);
  });

  test('a gzip bomb is not inflated', async () => {
    const bomb = gzipSync(Buffer.alloc(20 * MEBIBYTE));
    const url = await serve((_request, response) => {
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb);
    });
    const outcome = await send(url);
    expect(outcome).toMatchObject({ kind: 'delivered', response: { isTruncated: true } });
    const { body } = (outcome as { response: { body: string } }).response;
    expect(Buffer.byteLength(body)).toBeLessThanOrEqual(RESPONSE_LIMIT_BYTES);
    expect(body).not.toContain('\u0000');
  });

  test('a body that breaks off after 200 is still a delivery', async () => {
    const url = await serveTcp((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\npart', () =>
          setTimeout(() => socket.resetAndDestroy(), 50),
        );
      });
    });
    expect(await send(url)).toMatchObject({ kind: 'delivered', response: { body: 'part', isTruncated: true } });
  });

  test('a reset in the middle of the headers is a failure, tried once', async () => {
    let connections = 0;
    const url = await serveTcp((socket) => {
      connections += 1;
      socket.once('data', () =>
        socket.write('HTTP/1.1 200 OK\r\nX-Ha', () => setTimeout(() => socket.resetAndDestroy(), 20)),
      );
    });
    expect(await send(url)).toMatchObject({ kind: 'failed', errorClass: 'connection_reset', response: null });
    expect(connections).toBe(1);
  });

  test('an endpoint that hangs up at once is a failure, tried once', async () => {
    let connections = 0;
    const url = await serveTcp((socket) => {
      connections += 1;
      socket.end();
    });
    expect(await send(url)).toMatchObject({ kind: 'failed', errorClass: 'connection_reset' });
    expect(connections).toBe(1);
  });

  test.each([
    ['no HTTP at all', 'SSH-2.0-OpenSSH_9.6\r\n'],
    ['endless headers', `HTTP/1.1 200 OK\r\n${`x: ${'y'.repeat(1000)}\r\n`.repeat(100)}`],
  ])('%s is a protocol error', async (_name, text) => {
    const url = await serveTcp((socket) => socket.once('data', () => socket.write(text)));
    expect(await send(url)).toMatchObject({ kind: 'failed', errorClass: 'protocol_error' });
  });

  test('three hundred silent endpoints at once leave no socket behind', async () => {
    const open = new Set<Socket>();
    const url = await serveTcp((socket) => {
      open.add(socket.resume());
      socket.on('close', () => open.delete(socket));
    });
    const outcomes = await Promise.all(Array.from({ length: 300 }, () => send(url, { deadlineMs: 1_000 })));
    expect(outcomes.every((outcome) => outcome.kind === 'failed' && outcome.errorClass === 'timeout')).toBe(true);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(open.size).toBe(0);
  });
});
