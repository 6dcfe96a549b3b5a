import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { TENANT_TABLES } from '@houston/common/db/tenant-tables.js';
import { addDelivery, addEndpoint } from '../../../../test/factories/webhooks.js';
import { until } from '../../../../test/support/until.js';
import type { BudgetView } from '../budgets/budget.view.js';
import type { WorkspaceView } from './workspace.view.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';

describe('workspaces over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const create = async (body: Record<string, unknown>) =>
    bodyOf<WorkspaceView>(await gateway.owner.post('/api/workspaces', body), 201);
  const inLedger = <T>(sql: string, parameters: unknown[] = []): Promise<T[]> =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<T>(sql, parameters));

  it('are made from a name alone, and found by slug and by id', async () => {
    const made = await create({ name: 'Équipe  Données!' });
    expect(made).toEqual({
      id: expect.any(String),
      slug: 'equipe-donnees',
      name: 'Équipe  Données!',
      timezone: 'UTC',
      settings: expect.objectContaining({
        ...{
          autoRegisterAgents: true,
          unknownPrice: null,
          leaseTtlSeconds: 30,
          progressTimeoutSeconds: 300,
          poisonAfter: 5,
          assignmentStrategy: 'balanced',
        },
        sloTiers: { urgent: 3_600, high: 14_400, normal: 86_400, low: 604_800 },
        messages: { perMinute: 10, expireAfterDays: 30 },
        features: expect.objectContaining({ autoSubscribe: true }),
      }),
      createdAt: expect.any(String),
      updatedAt: expect.any(String),
    });
    for (const ref of [made.slug, made.id, made.id.toUpperCase()]) {
      const found = await gateway.owner.get(`/api/workspaces/${ref}`);
      expect(bodyOf(found, 200)).toEqual(made);
      expect(found.headers.etag).toBe('"1"');
    }
    expect(bodyOf(await gateway.owner.get('/api/agents', { 'x-workspace': made.slug }), 200)).toBeDefined();
  });

  it('tell who has the slug already, and make no second one', async () => {
    const first = await create({ name: 'Taken' });
    const problem = bodyOf(await gateway.owner.post('/api/workspaces', { name: 'taken' }), 409);
    expect(problem).toMatchObject({ code: 'already_exists', existingId: first.id });
    const racing = await Promise.all(
      Array.from({ length: 8 }, () => gateway.owner.post('/api/workspaces', { name: 'x', slug: 'race' })),
    );
    expect(racing.map((answer) => answer.status).sort()).toEqual([201, ...Array<number>(7).fill(409)]);
  });

  it.each([
    ['no name', {}, 'name'],
    ['an empty name', { name: '' }, 'name'],
    ['a name that leaves no slug', { name: '漢字' }, 'slug'],
    ['a slug in capitals', { name: 'x', slug: 'ABC' }, 'slug'],
    ['a slug of 64 characters', { name: 'x', slug: 'a'.repeat(64) }, 'slug'],
    ['a slug like an id', { name: 'x', slug: SOME_ID }, 'slug'],
    ['a null slug', { name: 'x', slug: null }, 'slug'],
    ['an unknown zone', { name: 'x', timezone: 'Nowhere' }, 'timezone'],
    ['an unknown setting', { name: 'x', settings: { color: 'red' } }, 'settings.color'],
    [
      'a setting of the wrong kind',
      { name: 'x', settings: { autoRegisterAgents: 'yes' } },
      'settings.autoRegisterAgents',
    ],
    ['an unknown policy', { name: 'x', settings: { unknownPrice: 'guess' } }, 'settings.unknownPrice'],
    ['settings that are a list', { name: 'x', settings: [] }, 'settings'],
    ['an unknown field', { name: 'x', organizationId: SOME_ID }, 'organizationId'],
    ['a name with NUL', { name: 'a\u0000' }, 'name'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.post('/api/workspaces', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('refuse __proto__ in a body as text would carry it', async () => {
    const text = '{"name":"x","settings":{"__proto__":{"autoRegisterAgents":false}}}';
    const answer = await gateway.owner.post('/api/workspaces', text, { 'content-type': 'application/json' });
    expect(answer.status).toBe(422);
  });

  it('merge settings, take one back with null, and count the change for admission', async () => {
    const { slug } = await create({ name: 'Settings', settings: { unknownPrice: 'flag' } });
    const client = gateway.as(gateway.db.ownerKey, slug);
    const run = { agent: 'not-registered', model: 'nobody-knows', estimate: { inputTokens: 1, maxOutputTokens: 1 } };
    const patched = bodyOf<WorkspaceView>(
      await gateway.owner.patch(`/api/workspaces/${slug}`, { settings: { autoRegisterAgents: false } }),
      200,
    );
    expect(patched.settings).toMatchObject({ autoRegisterAgents: false, unknownPrice: 'flag' });
    expect(bodyOf(await client.post('/api/executions', run), 422)).toMatchObject({ code: 'unknown_agent' });
    const settings = { autoRegisterAgents: true, unknownPrice: 'deny' };
    bodyOf(await gateway.owner.patch(`/api/workspaces/${slug}`, { settings }), 200);
    expect(bodyOf(await client.post('/api/executions', run), 422)).toMatchObject({ code: 'unknown_price' });
    const cleared = await gateway.owner.patch(`/api/workspaces/${slug}`, { settings: { unknownPrice: null } });
    expect(bodyOf<WorkspaceView>(cleared, 200).settings.unknownPrice).toBeNull();
    bodyOf(await client.post('/api/executions', run), 201);
  });

  it('merge settings within a group too', async () => {
    const { slug } = await create({ name: 'Groups', settings: { messages: { perMinute: 3 } } });
    const patch = async (settings: object) =>
      bodyOf<WorkspaceView>(await gateway.owner.patch(`/api/workspaces/${slug}`, { settings }), 200).settings;
    expect(await patch({ messages: { expireAfterDays: 7 }, features: { autoSubscribe: false } })).toMatchObject({
      messages: { perMinute: 3, expireAfterDays: 7 },
      features: { autoSubscribe: false },
    });
    expect((await patch({ autoRegisterAgents: false })).features).toMatchObject({ autoSubscribe: false });
    const features = { autoSubscribe: false, notifications: true, standups: false, heartbeats: true };
    expect((await patch({ features: { standups: false } })).features).toEqual(features);
    const standup = { enabled: true, cron: '0 9 * * *', timezone: 'Asia/Tokyo' };
    expect((await patch({ standup: { timezone: 'Asia/Tokyo' } })).standup).toEqual(standup);
    expect((await patch({ standup: { timezone: null, cron: '5 7 * * 1' } })).standup).toEqual({
      ...standup,
      ...{ timezone: null, cron: '5 7 * * 1' },
    });
  });

  it.each([
    ['a cron expression of six fields', { standup: { cron: '0 0 9 * * *' } }, 'settings.standup.cron'],
    ['a day that never comes', { standup: { cron: '0 9 30 2 *' } }, 'settings.standup.cron'],
    ['a zone that is none', { standup: { timezone: 'Mars/Olympus' } }, 'settings.standup.timezone'],
    ['a flag that is no boolean', { features: { standups: 'off' } }, 'settings.features.standups'],
    ['a feature that there is not', { features: { magic: true } }, 'settings.features.magic'],
  ])('refuse %s and name the field', async (_, settings, path) => {
    const answer = await gateway.owner.patch('/api/workspaces/default', { settings });
    expect(bodyOf<{ errors: { path: string }[] }>(answer, 422).errors.map((fault) => fault.path)).toEqual([path]);
  });

  it('let one of two editors win, and refuse to change the slug', async () => {
    const { id } = await create({ name: 'Edited' });
    const edits = await Promise.all(
      ['A', 'B'].map((name) => gateway.owner.patch(`/api/workspaces/${id}`, { name }, { 'if-match': '"1"' })),
    );
    expect(edits.map((edit) => edit.status).sort()).toEqual([200, 412]);
    bodyOf(await gateway.owner.patch(`/api/workspaces/${id}`, { slug: 'other' }), 422);
    bodyOf(await gateway.owner.patch(`/api/workspaces/${id}`, { timezone: null }), 422);
    const events = await inLedger<{ type: string }>('select type from events where subject = $1 order by seq', [
      `workspace:${id}`,
    ]);
    expect(events.map((event) => event.type)).toEqual(['workspace.created', 'workspace.updated']);
  });

  it('are listed page by page to a key of the organization, and alone to a key of their own', async () => {
    const { id, slug } = await create({ name: 'Alone' });
    const bound = gateway.as(await gateway.key({ role: 'admin', workspaceId: id }));
    expect(
      bodyOf<{ items: WorkspaceView[] }>(await bound.get('/api/workspaces'), 200).items.map((one) => one.slug),
    ).toEqual([slug]);
    const slugs: string[] = [];
    let cursor = '';
    do {
      const page = bodyOf<{ items: WorkspaceView[]; nextCursor: string | null }>(
        await gateway.owner.get(`/api/workspaces?limit=2${cursor}`),
        200,
      );
      slugs.push(...page.items.map((one) => one.slug));
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    expect(slugs).toEqual([...slugs].sort());
    expect(slugs).toEqual(expect.arrayContaining(['default', slug]));
  });

  it('give a bound key nothing of another: the bytes of a missing one, and no right to make or delete', async () => {
    const [mine, other] = [await create({ name: 'Mine' }), await create({ name: 'Other one' })];
    const bound = gateway.as(await gateway.key({ role: 'owner', workspaceId: mine.id }));
    const same = { 'x-request-id': 'same' };
    for (const ref of [other.id, other.slug]) {
      const missing = ref === other.id ? SOME_ID : 'missing';
      const asks = [
        (of: string) => bound.get(`/api/workspaces/${of}`, same),
        (of: string) => bound.patch(`/api/workspaces/${of}`, { name: 'x' }, same),
        (of: string) => bound.delete(`/api/workspaces/${of}`, same),
      ];
      for (const ask of asks) {
        const foreign = await ask(ref);
        expect(foreign.status).toBe(404);
        expect(foreign.text.replaceAll(ref, missing)).toBe((await ask(missing)).text);
      }
    }
    expect((await bound.post('/api/workspaces', { name: 'New' })).status).toBe(403);
    expect((await bound.delete(`/api/workspaces/${mine.id}`)).status).toBe(403);
    expect(bodyOf<WorkspaceView>(await bound.patch(`/api/workspaces/${mine.id}`, { name: 'Renamed' }), 200).name).toBe(
      'Renamed',
    );
  });

  it('keep the default one', async () => {
    expect(bodyOf(await gateway.owner.delete('/api/workspaces/default'), 409)).toMatchObject({
      code: 'default_workspace',
    });
    expect((await gateway.owner.delete('/api/workspaces/%00')).status).toBe(422);
    expect((await gateway.owner.delete('/api/workspaces/missing')).status).toBe(404);
  });

  describe('when one is deleted', () => {
    it('nothing of it is left but its events, whatever tables there are, and the organization gets its room back', async () => {
      const { id, slug } = await create({ name: 'Doomed' });
      const client = gateway.as(gateway.db.ownerKey, slug);
      const key = await gateway.key({ role: 'member', workspaceId: id });
      const whole = {
        name: 'Whole',
        limitUsd: '1',
        period: 'day',
        level: 'organization',
        scope: { tag: { doomed: 'yes' } },
      };
      const budget = bodyOf<BudgetView>(await gateway.owner.post('/api/budgets', whole), 201);
      bodyOf(await client.post('/api/budgets', { name: 'Own', limitUsd: '5', period: 'week' }), 201);
      bodyOf(await client.put('/api/prices/acme/m', { inputPerMTokUsd: '1', outputPerMTokUsd: '2' }), 200);
      const run = { agent: 'doomed', model: 'gpt-4o', estimate: { costUsd: '0.4' }, tags: { doomed: 'yes' } };
      const spent = bodyOf<{ id: string }>(await client.post('/api/executions', run, { 'idempotency-key': 'k' }), 201);
      const live = bodyOf<{ id: string }>(await client.post('/api/executions', run), 201);
      bodyOf(await client.post(`/api/executions/${spent.id}/complete`, { status: 'succeeded', costUsd: '0.3' }), 200);

      expect((await gateway.owner.delete(`/api/workspaces/${slug}`)).status).toBe(204);

      for (const table of Object.keys(TENANT_TABLES)) {
        const [column] = await inLedger(
          "select 1 from information_schema.columns where table_name = $1 and column_name = 'workspace_id'",
          [table],
        );
        if (column === undefined) continue;
        const [rows] = await inLedger<{ count: number }>(`select count(*)::int from ${table} where workspace_id = $1`, [
          id,
        ]);
        if (table === 'events') expect(rows?.count).toBeGreaterThan(4);
        else expect([table, rows?.count]).toEqual([table, 0]);
      }
      const after = bodyOf<BudgetView>(await gateway.owner.get(`/api/budgets/${budget.id}`), 200);
      expect(after).toMatchObject({ spentUsd: '0.3', heldUsd: '0', remainingUsd: '0.7' });
      const [sums] = await inLedger(
        `select sum(coalesce(spent_delta, 0))::text as spent, sum(coalesce(held_delta, 0))::text as held
           from events where $1::uuid = any(budget_ids)`,
        [budget.id],
      );
      expect(sums).toEqual({ spent: '300000000', held: '0' });
      expect((await gateway.as(key).get('/api/me')).status).toBe(401);
      expect((await client.get('/api/budgets')).status).toBe(404);
      expect((await gateway.owner.post(`/api/executions/${live.id}/complete`, { status: 'failed' })).status).toBe(404);
      const deleted = await inLedger<{ workspace_id: string | null }>(
        "select workspace_id from events where type = 'workspace.deleted' and subject = $1",
        [`workspace:${id}`],
      );
      expect(deleted).toEqual([{ workspace_id: null }]);
    });

    it('a delivery that is being written down holds it up and does not make it fail', async () => {
      const { id, slug } = await create({ name: 'Talkative' });
      const where = { ...gateway.db, workspaceId: id };
      const endpoint = await addEndpoint(where, 'https://example.com/hook');
      const { deliveryId } = await addDelivery(where, endpoint.id);
      const scope = { organizationId: gateway.db.organizationId, workspaceId: id };
      const deletion = await gateway.db.database.inWorkspace(scope, async (tx) => {
        await tx.query('select 1 from webhook_endpoints where id = $1 for update', [endpoint.id]);
        // Sent at once, not when it is awaited.
        const deleting = gateway.owner.delete(`/api/workspaces/${slug}`).then((answer) => answer.status);
        await until(async () => {
          const [row] = await tx.query<{ count: number }>(
            'select count(*)::int from pg_locks where not granted and pg_backend_pid() = any(pg_blocking_pids(pid))',
          );
          return (row?.count ?? 0) > 0;
        });
        await tx.query("update deliveries set status = 'delivered', next_attempt_at = null where id = $1", [
          deliveryId,
        ]);
        return { deleting };
      });
      expect(await deletion.deleting).toBe(204);
    });

    it('no run that was on its way slips into it', async () => {
      const { id, slug } = await create({ name: 'Busy' });
      const client = gateway.as(gateway.db.ownerKey, slug);
      const run = { agent: 'busy', model: 'gpt-4o', estimate: { costUsd: '0.001' } };
      const past = { agent: 'busy', model: 'm', startedAt: new Date().toISOString(), costUsd: '1' };
      const ask = (n: number) =>
        n % 2 === 0
          ? client.post('/api/executions', run)
          : client.post('/api/executions/record', { items: [{ ...past, externalId: `e${n}` }] });
      const before = await Promise.all(Array.from({ length: 20 }, (_, n) => ask(n)));
      expect(before.every((answer) => answer.status === 201)).toBe(true);
      const [deletion, ...during] = await Promise.all([
        gateway.owner.delete(`/api/workspaces/${slug}`),
        ...Array.from({ length: 60 }, (_, n) => ask(n + 20)),
      ]);
      expect(deletion.status).toBe(204);
      expect(during.filter((answer) => ![201, 404].includes(answer.status)).map((answer) => answer.text)).toEqual([]);
      const [left] = await inLedger('select count(*)::int from executions where workspace_id = $1', [id]);
      expect(left).toEqual({ count: 0 });
    });
  });
});
