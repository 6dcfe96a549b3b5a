import { once } from 'node:events';
import { request as httpRequest } from 'node:http';
import { connect as tcpConnect } from 'node:net';
import { WebSocket } from 'ws';
import { NotConnected } from '../../../../cli/socket/agent-socket.js';
import { createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { ConnectedAgent, type ConnectOptions } from '../../../../test/support/connected-agent.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';

/** Speaks no protocol at all. */
class RawSocket {
  readonly heard: { type: string; code?: string; [field: string]: unknown }[] = [];
  closed: number | null = null;

  private constructor(readonly ws: WebSocket) {
    ws.on('message', (data) => this.heard.push(JSON.parse((data as Buffer).toString('utf8')) as { type: string }));
    ws.on('error', () => undefined);
    ws.on('close', (code) => (this.closed = code));
  }

  static async open({ url, db }: TestGateway): Promise<RawSocket> {
    const headers = { authorization: `Bearer ${db.ownerKey}` };
    const ws = new WebSocket(`${url.replace('http', 'ws')}/api/agents/connect`, { headers });
    const raw = new RawSocket(ws);
    await once(ws, 'open');
    return raw;
  }

  /** @returns the code of the answer */
  async ask(text: string | Buffer): Promise<string | undefined> {
    const before = this.heard.length;
    this.ws.send(text);
    return (await until(() => this.heard[before] ?? null)).code;
  }
}

describe('a connection', () => {
  let house: SocketHouse;
  let gateway: TestGateway;

  beforeAll(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterAll(() => house.close());

  const refusal = async (agentId: string, options: Partial<ConnectOptions>) => {
    try {
      await house.connect(agentId, options);
    } catch (error) {
      if (error instanceof NotConnected) return { status: error.status, code: error.problem?.['code'] };
      throw error;
    }
    throw new Error('It was let in');
  };
  const ticketFor = async (agentId: string, key = gateway.db.ownerKey) =>
    bodyOf<{ ticket: string; path: string }>(await gateway.as(key).post(`/api/agents/${agentId}/connect-ticket`), 201);

  it('is refused without a valid key, to roles that do not work, and to keys of other agents', async () => {
    const [mine, other] = [await insertAgent(gateway.db), await insertAgent(gateway.db)];
    const key = await gateway.key({ role: 'agent', agentId: mine.id });
    expect(await refusal(mine.id, { key: `hou_${'x'.repeat(40)}` })).toEqual({ status: 401, code: 'unauthenticated' });
    const viewer = await gateway.key({ role: 'viewer' });
    expect(await refusal(mine.id, { key: viewer })).toEqual({ status: 403, code: 'forbidden' });
    expect(await refusal(mine.id, { workspace: 'nowhere' })).toEqual({ status: 404, code: 'workspace_not_found' });
    expect(await refusal(other.id, { key })).toEqual({ status: 403, code: 'forbidden' });
    expect(await refusal(mine.id, { key: await gateway.key({ role: 'member' }) })).toMatchObject({ status: 403 });
    expect(await refusal('nobody', {})).toEqual({ status: 404, code: 'not_found' });
    expect((await house.connect(mine.name, { key })).ready.agentId).toBe(mine.id);
  });

  it('says 426 to those who ask without an upgrade, and 404 where nothing speaks WebSocket', async () => {
    expect((await gateway.owner.get('/api/agents/connect')).body).toMatchObject({ code: 'upgrade_required' });
    const ws = new WebSocket(`${gateway.url.replace('http', 'ws')}/api/tasks`);
    const [, response] = (await once(ws, 'unexpected-response')) as [unknown, { statusCode: number }];
    expect(response.statusCode).toBe(404);
    ws.on('error', () => undefined);
    ws.terminate();
  });

  it('is opened by a ticket once, for its agent and its workspace', async () => {
    const { slug } = await gateway.workspace('behind-a-wall');
    const [agent, other] = [await insertAgent(gateway.db), await insertAgent(gateway.db)];
    const answer = await gateway.as(gateway.db.ownerKey, slug).post(`/api/agents/${agent.name}/connect-ticket`);
    const { ticket, path, expiresAt } = bodyOf<{ ticket: string; path: string; expiresAt: string }>(answer, 201);
    expect(path).toBe(`/api/agents/connect?ticket=${ticket}`);
    expect(Date.parse(expiresAt)).toBeLessThanOrEqual(Date.now() + 61_000);
    const tries = await Promise.allSettled([1, 2, 3].map(() => house.connect(agent.id, { ticket })));
    const [inside] = tries.flatMap((attempt) => (attempt.status === 'fulfilled' ? [attempt.value] : []));
    expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected']);
    expect(await refusal(agent.id, { ticket })).toEqual({ status: 401, code: 'unauthenticated' });
    const task = await createTask(gateway.as(gateway.db.ownerKey, slug));
    expect((await inside!.task()).task.id).toBe(task.id);
    expect(await refusal(other.id, { ticket: (await ticketFor(agent.id)).ticket })).toMatchObject({ status: 403 });
    expect(await refusal(agent.id, { ticket: 'hct_nonsense' })).toMatchObject({ status: 401 });
    const stored = JSON.stringify(await house.query('select * from agent_connect_tickets'));
    expect(stored).not.toContain(ticket.slice(-43));
  });

  it('is not opened by a ticket that has expired, or whose key was revoked', async () => {
    const agent = await insertAgent(gateway.db);
    const late = await ticketFor(agent.id);
    await house.query("update agent_connect_tickets set expires_at = now() - interval '1 millisecond'");
    expect(await refusal(agent.id, { ticket: late.ticket })).toMatchObject({ status: 401 });
    const key = await gateway.key({ role: 'agent', agentId: agent.id });
    const orphan = await ticketFor(agent.id, key);
    await house.query('update api_keys set revoked_at = now() where agent_id = $1', [agent.id]);
    expect(await refusal(agent.id, { ticket: orphan.ticket })).toMatchObject({ status: 401 });
    const foreign = await gateway.key({ role: 'agent', agentId: (await insertAgent(gateway.db)).id });
    expect((await gateway.as(foreign).post(`/api/agents/${agent.id}/connect-ticket`)).status).toBe(403);
  });

  it('ends when its key is revoked, and no other', async () => {
    const agent = await insertAgent(gateway.db);
    const key = await gateway.key({ role: 'agent', agentId: agent.id });
    const [bound, free] = [await house.connect(agent.id, { key }), await house.connect(agent.id)];
    await house.query('update api_keys set revoked_at = now() where agent_id = $1', [agent.id]);
    expect(await bound.hasClosed()).toEqual({ code: 4401, reason: 'unauthenticated' });
    expect(free.closed).toBeNull();
  });

  it('answers what it cannot read, and lets nothing of it touch anything', async () => {
    const { id } = await insertAgent(gateway.db);
    const raw = await RawSocket.open(gateway);
    const deep = `${'{"a":'.repeat(50)}1${'}'.repeat(50)}`;
    expect(await raw.ask('{"type":"ack","taskId":"x"}')).toBe('invalid_values');
    expect(await raw.ask(JSON.stringify({ type: 'heartbeat', tasks: [] }))).toBe('conflict');
    expect(await raw.ask('not json')).toBe('malformed_request');
    expect(await raw.ask('[]')).toBe('malformed_request');
    expect(await raw.ask(Buffer.from([1, 2, 3]))).toBe('malformed_request');
    expect(await raw.ask(deep)).toBe('malformed_request');
    expect(await raw.ask('{"type":"hello","__proto__":{"agentId":"x"}}')).toBe('invalid_values');
    expect(await raw.ask('{"type":"toString"}')).toBe('invalid_values');
    expect(await raw.ask('{"type":"hello","agentId":"a\\u0000","instanceId":"i"}')).toBe('invalid_values');
    expect(await raw.ask(JSON.stringify({ type: 'hello', agentId: id, instanceId: 'i', admin: true }))).toBe(
      'invalid_values',
    );
    expect(await raw.ask(JSON.stringify({ type: 'hello', agentId: id, instanceId: 'i', maxConcurrent: 1e9 }))).toBe(
      'invalid_values',
    );
    expect(raw.heard.every(({ type }) => type === 'error')).toBe(true);
    raw.ws.send(JSON.stringify({ type: 'hello', agentId: id, instanceId: 'i' }));
    await until(() => raw.heard.some(({ type }) => type === 'ready'));
    expect(await raw.ask(JSON.stringify({ type: 'hello', agentId: id, instanceId: 'i' }))).toBe('conflict');
    const lease = { id, fence: 1 };
    expect(await raw.ask(JSON.stringify({ type: 'result', taskId: id, lease, result: 1 }))).toBe('not_found');
    expect(raw.closed).toBeNull();
    for (let n = 0; n < 20; n += 1) raw.ws.send('{');
    await until(() => raw.closed);
    expect(raw.closed).toBe(4400);
  });

  it('ends at a frame beyond 2 MB, takes one of 1 MB, and does not read on from a flood', async () => {
    const { id, socket } = await house.agentWith();
    const task = await createTask(gateway.owner, { assignee: id });
    const offered = await socket.task();
    socket.result(offered, 'x'.repeat(1_048_000));
    expect(await socket.heard('result.ok')).toMatchObject({ taskId: task.id, status: 'done' });
    socket.say('heartbeat', { tasks: [], padding: 'x'.repeat(2_100_000) });
    expect((await socket.hasClosed()).code).toBe(1009);
    const flooding = await house.agentWith();
    for (let n = 0; n < 5_000; n += 1) flooding.socket.say('heartbeat', { tasks: [] });
    expect((await flooding.socket.hasClosed()).code).toBe(4429);
    expect((await gateway.owner.get('/api/agents')).status).toBe(200);
  });

  it('ends when nobody says hello', async () => {
    const raw = await RawSocket.open(gateway);
    await until(() => raw.closed, 20_000);
    expect([raw.closed, raw.heard]).toEqual([4408, [{ type: 'closing', reason: 'no_hello' }]]);
  });

  it('serves those who would rather speak HTTP/2 as if they had not asked, body and all', async () => {
    const body = JSON.stringify({ title: 'over the old wire' });
    const headers = {
      ...{ authorization: `Bearer ${gateway.db.ownerKey}`, 'content-type': 'application/json' },
      ...{
        connection: 'Upgrade, HTTP2-Settings',
        upgrade: 'h2c',
        'http2-settings': 'AAMAAABk',
        'content-length': Buffer.byteLength(body),
      },
    };
    const asking = httpRequest(`${gateway.url}/api/tasks`, { method: 'POST', headers });
    asking.end(body);
    const [response] = (await once(asking, 'response')) as [NodeJS.ReadableStream & { statusCode: number }];
    expect(response.statusCode).toBe(201);
    response.resume();
  });

  it('survives whoever leaves in the middle of it', async () => {
    const { port } = new URL(gateway.url);
    for (let n = 0; n < 10; n += 1) {
      const tcp = tcpConnect(Number(port), '127.0.0.1');
      await once(tcp, 'connect');
      const key = gateway.db.ownerKey;
      tcp.write(
        `GET /api/agents/connect HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\nconnection: Upgrade\r\nupgrade: websocket\r\n` +
          'sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n',
      );
      tcp.destroy();
    }
    const { socket } = await house.agentWith();
    expect(socket.ready.type).toBe('ready');
  });

  it('is told to connect again when the gateway stops, which does not wait for it', async () => {
    const other = await startGateway({ db: gateway.db });
    const { id } = await insertAgent(gateway.db);
    const agent = await ConnectedAgent.connect(id, { url: other.url, key: gateway.db.ownerKey });
    const startedAt = performance.now();
    await other.close();
    expect(performance.now() - startedAt).toBeLessThan(20_000);
    expect(await agent.hasClosed()).toEqual({ code: 1012, reason: 'restarting' });
    expect(await house.query('select from agent_sessions where agent_id = $1', [id])).toEqual([]);
  });
});
