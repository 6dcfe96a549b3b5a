import { administer } from '../../../../test/support/database.js';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { IdempotencyStore } from './idempotency.store.js';

const RUN = { agent: 'idem', model: 'gpt-4o-mini', estimate: { costUsd: '0.5' } };

describe('Idempotency-Key', () => {
  let gateway: TestGateway;
  beforeAll(async () => (gateway = await startGateway()));
  afterAll(() => gateway.close());

  const post = (key: string, body: object = RUN) =>
    gateway.owner.post('/api/executions', body, { 'idempotency-key': key });
  it('gives the first answer again, marked as a replay, and does the work once', async () => {
    const first = await post('same');
    const second = await post('same');
    expect([first.status, second.status]).toEqual([201, 201]);
    expect(second.body).toEqual(first.body);
    expect(second.headers['idempotent-replayed']).toBe('true');
    expect(first.headers['idempotent-replayed']).toBeUndefined();
  });

  it('refuses the key for another body', async () => {
    await post('other');
    const answer = await post('other', { ...RUN, agent: 'someone-else' });
    expect(answer.status).toBe(422);
    expect(answer.body.code).toBe('idempotency_key_reused');
  });

  it('keeps the keys of two workspaces apart', async () => {
    const workspace = await gateway.workspace('elsewhere');
    const here = await post('shared');
    const there = await gateway
      .as(gateway.db.ownerKey, workspace.slug)
      .post('/api/executions', RUN, { 'idempotency-key': 'shared' });
    expect(there.status).toBe(201);
    expect(there.body.id).not.toBe(here.body.id);
  });

  it('does not keep a refusal: the same request may be repeated when its reason is gone', async () => {
    const bad = await post('refused', { ...RUN, estimate: {} });
    expect(bad.status).toBe(422);
    const good = await post('refused');
    expect(good.status).toBe(201);
  });

  it('answers a hundred identical requests at once with one execution', async () => {
    const answers = await Promise.all(Array.from({ length: 100 }, () => post('storm')));
    const done = answers.filter((answer) => answer.status === 201);
    const waiting = answers.filter((answer) => answer.status === 409);
    expect(done.length + waiting.length).toBe(100);
    expect(new Set(done.map((answer) => answer.body.id)).size).toBe(1);
    expect(
      waiting.every((answer) => answer.body.code === 'idempotency_key_in_progress' && answer.headers['retry-after']),
    ).toBe(true);
  });

  it('finds the run of an attempt that died before it could answer, and admits it no second time', async () => {
    const first = await post('crashed');
    await gateway.db.database.inWorkspace(gateway.db, (tx) =>
      tx.query(
        "update idempotency_keys set status = null, body = null, locked_until = now() - interval '1 second' where key = 'crashed'",
      ),
    );
    const retry = await post('crashed');
    expect(retry.status).toBe(201);
    expect(retry.body.id).toBe(first.body.id);
    const list = await gateway.owner.get('/api/executions?agent=idem&limit=200');
    expect(list.body.items.filter((item: { id: string }) => item.id === first.body.id)).toHaveLength(1);
  });

  describe('when a success could not be kept', () => {
    const keeper = (sql: string) => administer(gateway.db.url, (client) => client.query(sql));
    beforeAll(() =>
      keeper(`create function refuse_to_keep() returns trigger language plpgsql as $$ begin
                raise exception 'the disk is gone' using errcode = '58030'; end $$;
              create trigger refuse_to_keep before update on idempotency_keys for each row
                when (new.status is not null) execute function refuse_to_keep()`),
    );
    afterAll(() => keeper('drop trigger if exists refuse_to_keep on idempotency_keys; drop function refuse_to_keep'));

    it('finds what was done when it is asked again, and admits it no second time', async () => {
      const body = { ...RUN, agent: 'unkept' };
      expect((await post('unkept', body)).status).toBe(503);
      await keeper('drop trigger refuse_to_keep on idempotency_keys');
      expect((await post('unkept', { ...body, model: 'gpt-4o' })).body.code).toBe('idempotency_key_reused');
      const retry = await post('unkept', body);
      expect(retry.status).toBe(201);
      const list = await gateway.owner.get('/api/executions?agent=unkept');
      expect(list.body.items.map((item: { id: string }) => item.id)).toEqual([retry.body.id]);
    });
  });

  it('lets an attempt that was overtaken take nothing away from the one that overtook it', async () => {
    const { database, organizationId, workspaceId } = gateway.db;
    const store = new IdempotencyStore(database);
    const scope = { organizationId, workspaceId };
    const claim = async () => {
      const answer = await store.claim(scope, 'overtaken', 'same request');
      if (answer.kind !== 'claimed') throw new Error(`It is ${answer.kind}`);
      return answer;
    };
    const slow = await claim();
    await database.inWorkspace(scope, (tx) =>
      tx.query(`update idempotency_keys set locked_until = now() - interval '1 second' where key = 'overtaken'`),
    );
    const fast = await claim();
    expect(fast.seed).toBe(slow.seed);
    await store.settle(scope, 'overtaken', slow.claim, { outcome: 'refused' });
    await store.settle(scope, 'overtaken', fast.claim, { outcome: 'done', status: 201, body: 'first' });
    await store.settle(scope, 'overtaken', slow.claim, { outcome: 'done', status: 201, body: 'second' });
    const replay = await store.claim(scope, 'overtaken', 'same request');
    expect(replay).toEqual({ kind: 'replay', status: 201, body: 'first' });
  });

  it.each(['', 'x'.repeat(256)])('refuses a key of %j', async (key) => {
    expect((await post(key)).status).toBe(422);
  });

  it('gives a created key again to whoever asked for it, and keeps it from everybody else and from the database', async () => {
    const body = { name: 'robot', role: 'agent' };
    const headers = { 'idempotency-key': 'secret-answer' };
    const first = await gateway.owner.post('/api/keys', body, headers);
    const again = await gateway.owner.post('/api/keys', body, headers);
    expect(first.status).toBe(201);
    expect(again.body).toEqual(first.body);
    const other = await gateway.key({ role: 'admin' });
    const stolen = await gateway.as(other).post('/api/keys', body, headers);
    expect([stolen.status, stolen.body.code]).toEqual([422, 'idempotency_key_reused']);
    const [row] = await gateway.db.database.inWorkspace(gateway.db, (tx) =>
      tx.query<{ body: string }>("select body from idempotency_keys where key = 'secret-answer'"),
    );
    expect(row?.body).not.toContain(first.body.key);
    expect(Buffer.from(row?.body ?? '', 'base64').toString()).not.toContain('hou_');
  });
});
