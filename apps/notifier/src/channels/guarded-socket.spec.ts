import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer as createTlsServer } from 'node:https';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openGuardedSocket, type GuardedSocketRequest } from './guarded-socket.js';
import { sendWebhook } from './webhook.js';

const LOOPBACK = ['127.0.0.0/8'];
const servers: Server[] = [];

async function listen<T extends Server>(server: T, host = '127.0.0.1'): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, host, resolve));
  servers.push(server);
  return (server.address() as AddressInfo).port;
}

const counting = () => {
  const counter = { connections: 0 };
  const server = createServer((socket) => {
    counter.connections += 1;
    socket.on('error', () => socket.destroy());
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  });
  return { counter, server };
};
const send = (url: string, allowCidrs: string[], ca?: string) =>
  sendWebhook({ url, body: '{}', headers: {}, allowCidrs, ca, deadlineMs: 3_000 });
const open = (more: Partial<GuardedSocketRequest>) =>
  openGuardedSocket({
    url: new URL('http://hooks.example/'),
    allowCidrs: LOOPBACK,
    signal: new AbortController().signal,
    ...more,
  });

afterEach(async () => {
  await Promise.all(servers.splice(0).map((server) => new Promise((resolve) => server.close(resolve))));
});

describe('where a webhook may go', () => {
  test('a name that leads to this machine is blocked without an allow list, and nothing connects', async () => {
    const { counter, server } = counting();
    const port = await listen(server);
    expect(await send(`http://localhost:${port}/`, [])).toMatchObject({
      kind: 'failed',
      errorClass: 'blocked_address',
    });
    await expect(open({ url: new URL(`http://localhost:${port}/`), allowCidrs: [] })).rejects.toMatchObject({
      errorClass: 'blocked_address',
    });
    expect(counter.connections).toBe(0);
  });

  test('the same name is reached when the operator listed the network', async () => {
    const { counter, server } = counting();
    const port = await listen(server);
    expect(await send(`http://localhost:${port}/`, LOOPBACK)).toMatchObject({ kind: 'delivered' });
    expect(counter.connections).toBe(1);
  });

  test('an IPv6 literal is judged like any address', async () => {
    const { counter, server } = counting();
    const port = await listen(server, '::1');
    expect(await send(`http://[::1]:${port}/`, [])).toMatchObject({ errorClass: 'blocked_address' });
    expect(await send(`http://[::1]:${port}/`, LOOPBACK)).toMatchObject({ errorClass: 'blocked_address' });
    expect(await send(`http://[::ffff:127.0.0.1]:${port}/`, [])).toMatchObject({ errorClass: 'blocked_address' });
    expect(counter.connections).toBe(0);
    expect(await send(`http://[::1]:${port}/`, ['::1/128'])).toMatchObject({ kind: 'delivered' });
  });

  test('literals are checked at the connect as well, not only when the address was saved', async () => {
    for (const host of ['127.0.0.1', '[::1]', '169.254.169.254', '0.0.0.0']) {
      const blocked = open({ url: new URL(`http://${host}/`), allowCidrs: [] });
      await expect(blocked).rejects.toMatchObject({ errorClass: 'blocked_address' });
    }
  });

  test('a name that changes its answer is asked once, and the connection goes to the answer that was checked', async () => {
    const { server } = counting();
    const port = await listen(server);
    let questions = 0;
    const resolve = () => {
      questions += 1;
      return Promise.resolve([{ address: questions === 1 ? '127.0.0.1' : '169.254.169.254', family: 4 }]);
    };
    const socket = await open({ url: new URL(`http://rebind.example:${port}/`), resolve });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    expect(questions).toBe(1);
    socket.destroy();
  });

  test('of several answers only the allowed are tried', async () => {
    const { server } = counting();
    const port = await listen(server);
    const resolve = () =>
      Promise.resolve([
        { address: '10.0.0.1', family: 4 },
        { address: '127.0.0.1', family: 4 },
        { address: '::1', family: 6 },
      ]);
    const socket = await open({ url: new URL(`http://mixed.example:${port}/`), resolve });
    expect(socket.remoteAddress).toBe('127.0.0.1');
    socket.destroy();
    const none = open({ url: new URL(`http://mixed.example:${port}/`), resolve, allowCidrs: [] });
    await expect(none).rejects.toMatchObject({ errorClass: 'blocked_address' });
  });
});

describe('connections that do not come about', () => {
  test('a port without a listener is connection_refused', async () => {
    const { server } = counting();
    const port = await listen(server);
    await new Promise((resolve) => servers.pop()!.close(resolve));
    expect(await send(`http://127.0.0.1:${port}/`, LOOPBACK)).toMatchObject({ errorClass: 'connection_refused' });
  });

  test('a name that does not exist is dns_error', async () => {
    expect(await send('http://nobody.invalid/', [])).toMatchObject({ kind: 'failed', errorClass: 'dns_error' });
  });

  test('a resolver that never answers ends with the signal', async () => {
    const controller = new AbortController();
    const opening = open({ resolve: () => new Promise(() => undefined), signal: controller.signal });
    controller.abort(new Error('deadline'));
    await expect(opening).rejects.toThrow('deadline');
  });

  test('a signal that is already over opens nothing', async () => {
    const { counter, server } = counting();
    const url = new URL(`http://127.0.0.1:${await listen(server)}/`);
    await expect(open({ url, signal: AbortSignal.abort(new Error('late')) })).rejects.toThrow('late');
    expect(counter.connections).toBe(0);
  });
});

describe('TLS', () => {
  const folder = mkdtempSync(join(tmpdir(), 'houston-tls-'));
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')];

  beforeAll(() => {
    const names = 'subjectAltName=DNS:localhost,IP:127.0.0.1';
    const args = ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2'];
    execFileSync('openssl', [...args, '-subj', '/CN=houston', '-addext', names, '-keyout', key, '-out', cert], {
      stdio: 'pipe',
    });
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  const serveTls = async () => {
    const seen: { names: unknown[]; requests: number } = { names: [], requests: 0 };
    const server = createTlsServer({ key: readFileSync(key), cert: readFileSync(cert) }, (_request, response) => {
      seen.requests += 1;
      response.end('ok');
    });
    server.on('secureConnection', (socket) => seen.names.push(socket.servername));
    return { seen, port: await listen(server) };
  };

  test('a certificate nobody vouches for is tls_error, and the request is never sent', async () => {
    const { seen, port } = await serveTls();
    expect(await send(`https://localhost:${port}/`, LOOPBACK)).toMatchObject({
      kind: 'failed',
      errorClass: 'tls_error',
    });
    expect(seen.requests).toBe(0);
  });

  test('a trusted certificate is accepted for the name, although the socket is pinned to an address', async () => {
    const { seen, port } = await serveTls();
    const ca = readFileSync(cert, 'utf8');
    expect(await send(`https://localhost:${port}/`, LOOPBACK, ca)).toMatchObject({ kind: 'delivered' });
    expect(await send(`https://127.0.0.1:${port}/`, LOOPBACK, ca)).toMatchObject({ kind: 'delivered' });
    expect(seen.names).toEqual(['localhost', false]);
  });

  test('a trusted certificate of another name is tls_error', async () => {
    const { seen, port } = await serveTls();
    const resolve = () => Promise.resolve([{ address: '127.0.0.1', family: 4 }]);
    const opening = open({ url: new URL(`https://other.example:${port}/`), resolve, ca: readFileSync(cert, 'utf8') });
    await expect(opening).rejects.toMatchObject({ errorClass: 'tls_error' });
    expect(seen.requests).toBe(0);
  });

  test('a server that speaks no TLS is tls_error', async () => {
    const server = createServer((socket) => {
      socket.on('error', () => socket.destroy()).resume();
      socket.end('HTTP/1.1 400 Bad Request\r\n\r\n');
    });
    const port = await listen(server);
    expect(await send(`https://localhost:${port}/`, LOOPBACK)).toMatchObject({ errorClass: 'tls_error' });
  });
});
