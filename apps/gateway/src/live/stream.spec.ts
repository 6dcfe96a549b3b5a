import { request as httpRequest, type ClientRequest, type IncomingMessage } from 'node:http';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { EventView } from '@houston/common/events/event.view.js';
import { EventTail } from '@houston/common/events/event-tail.js';
import { Client } from 'pg';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { untilSettled } from '../../../../test/support/settled.js';

interface Message {
  id: string;
  event: string;
  data: EventView;
}

/** Listens like a browser does. */
class Listener {
  readonly messages: Message[] = [];
  status = 0;
  ended = false;
  text = '';
  private request: ClientRequest | undefined;

  static async open(url: string, key: string, path = '', headers: Record<string, string> = {}): Promise<Listener> {
    const listener = new Listener();
    await new Promise<void>((resolve, reject) => {
      const options = { headers: { authorization: `Bearer ${key}`, ...headers } };
      const asking = httpRequest(`${url}/api/events/stream${path}`, options, (response) => {
        listener.status = response.statusCode ?? 0;
        listener.read(response);
        resolve();
      });
      asking.on('error', reject);
      asking.end();
      listener.request = asking;
    });
    return listener;
  }

  close(): void {
    this.request?.destroy();
  }

  get subjects(): string[] {
    return this.messages.map((message) => message.data.subject);
  }

  private read(response: IncomingMessage): void {
    response.setEncoding('utf8');
    response.on('data', (chunk: string) => {
      this.text += chunk;
      const blocks = this.text.split('\n\n');
      this.text = blocks.pop() ?? '';
      for (const block of blocks) if (!block.startsWith(':')) this.messages.push(messageOf(block));
    });
    response.on('error', () => undefined);
    response.on('close', () => (this.ended = true));
  }
}

function messageOf(block: string): Message {
  const fields = Object.fromEntries(
    block.split('\n').map((line) => [line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 2)]),
  );
  return { id: fields.id ?? '', event: fields.event ?? '', data: JSON.parse(fields.data ?? 'null') as EventView };
}

async function until(done: () => boolean, withinMs = 10_000): Promise<void> {
  const deadline = Date.now() + withinMs;
  while (!done()) {
    if (Date.now() > deadline) throw new Error('It did not happen in time');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

describe('GET /api/events/stream', () => {
  let gateway: TestGateway;
  const listeners: Listener[] = [];

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterEach(() => listeners.splice(0).forEach((listener) => listener.close()));
  afterAll(() => gateway.close());

  const append = (subject: string, type = 'note.made', workspaceId: string | null = gateway.db.workspaceId) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      appendEvent(tx, { type, actor: 'system', subject, data: {}, workspaceId }),
    );
  const listen = async (path = '', headers: Record<string, string> = {}, key = gateway.db.ownerKey) => {
    const listener = await Listener.open(gateway.url, key, path, headers);
    listeners.push(listener);
    return listener;
  };

  it('tells what happens from now on, in the envelope, to several at once', async () => {
    await append('before');
    await untilSettled(gateway.db.database, gateway.db.organizationId);
    const both = [await listen(), await listen()];
    await append('one');
    await append('two');
    for (const listener of both) {
      await until(() => listener.messages.length >= 2);
      expect(listener.subjects).toEqual(['one', 'two']);
      const [first] = listener.messages;
      expect(first).toMatchObject({ event: 'note.made', data: { type: 'note.made', workspace: 'default', data: {} } });
      expect(first?.id).toBe(String(first?.data.seq));
    }
  });

  it('continues after Last-Event-ID without gap or repetition, whatever happened in between', async () => {
    const first = await listen();
    await append('seen');
    await until(() => first.messages.length === 1);
    first.close();
    const missed = Array.from({ length: 450 }, (_, index) => `missed ${index}`);
    for (const subject of missed) await append(subject);
    const lastSeen = first.messages[0]?.id ?? '';
    const again = await listen('', { 'last-event-id': lastSeen });
    const byQuery = await listen(`?lastEventId=${lastSeen}`);
    await append('live');
    for (const listener of [again, byQuery]) {
      await until(() => listener.subjects.includes('live'));
      expect(listener.subjects).toEqual([...missed, 'live']);
    }
  });

  it('tells of a transaction that commits late, once, and after those it held up', async () => {
    const listener = await listen();
    const slow = new Client({ connectionString: gateway.db.url });
    await slow.connect();
    await slow.query('begin');
    await slow.query(
      `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
       values ($1, $2, gen_random_uuid(), 'note.made', 'system', 'late', '{}')`,
      [gateway.db.organizationId, gateway.db.workspaceId],
    );
    await append('early');
    await slow.query('commit');
    await append('last');
    await until(() => listener.subjects.includes('last'));
    expect(listener.subjects).toEqual(['late', 'early', 'last']);
    await slow.end();
  });

  it('tells only of the types asked for', async () => {
    const listener = await listen('?type=budget.*');
    await append('note');
    await append('budget', 'budget.frozen');
    await until(() => listener.messages.length > 0);
    expect(listener.subjects).toEqual(['budget']);
  });

  it('tells a key of a workspace neither of the organization nor of another workspace', async () => {
    const other = await gateway.workspace('elsewhere');
    const bound = await listen('', {}, await gateway.key({ role: 'viewer', workspaceId: other.id }));
    const owner = await listen();
    await append('hidden');
    await append('shared', 'note.made', null);
    await append('theirs', 'note.made', other.id);
    await append('again');
    await until(() => bound.messages.length >= 1 && owner.subjects.includes('again'));
    expect(bound.subjects).toEqual(['theirs']);
    expect(owner.subjects).toEqual(['hidden', 'shared', 'again']);
  });

  it('ends within 10 s when the key is revoked, and not for others', async () => {
    const key = await gateway.key({ role: 'viewer' });
    const [revoked, other] = [await listen('', {}, key), await listen()];
    await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query(`update api_keys set revoked_at = now() where role = 'viewer'`),
    );
    const revokedAt = Date.now();
    await until(() => revoked.ended);
    expect(Date.now() - revokedAt).toBeLessThan(20_000);
    expect(other.ended).toBe(false);
    await append('afterwards');
    await until(() => other.messages.length > 0);
    expect(revoked.messages).toEqual([]);
  });

  it('lets go of a listener who has left', async () => {
    const listener = await listen();
    const tail = gateway.app.get(EventTail, { strict: false });
    const before = tail.size;
    listener.close();
    await until(() => tail.size < before);
  });

  it('is not for agents, nor for bad filters', async () => {
    expect((await listen('', {}, await gateway.key({ role: 'agent' }))).status).toBe(403);
    expect((await listen('?type=BAD')).status).toBe(422);
    expect((await listen('?lastEventId=x')).status).toBe(422);
  });

  it('ends all streams and lets the gateway stop at once', async () => {
    const other = await startGateway({ db: gateway.db });
    const listener = await Listener.open(other.url, gateway.db.ownerKey);
    const startedAt = Date.now();
    await other.close();
    await until(() => listener.ended);
    expect(Date.now() - startedAt).toBeLessThan(15_000);
  });
});
