import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { PriceView } from './price.view.js';

describe('prices over HTTP', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  type Listed = { items: PriceView[]; nextCursor: string | null };
  const price = { inputPerMTokUsd: '2', outputPerMTokUsd: '4' };
  const list = async (query: string) => bodyOf<Listed>(await gateway.owner.get(`/api/prices?${query}`), 200);

  it("show the catalogue's with their source", async () => {
    const { items } = await list('provider=openai&model=gpt-4o-mini');
    expect(items.find((item) => item.model === 'gpt-4o-mini')).toEqual({
      provider: 'openai',
      model: 'gpt-4o-mini',
      inputPerMTokUsd: '0.15',
      outputPerMTokUsd: '0.6',
      cacheReadPerMTokUsd: '0.075',
      cacheWritePerMTokUsd: null,
      reasoningPerMTokUsd: null,
      requestUsd: null,
      tiers: [],
      source: 'catalogue',
      catalogueVersion: expect.stringMatching(/^\d+\.\d+\.\d+$/),
      updatedAt: null,
    });
    const [tiered] = (await list('provider=google&model=gemini-2.5-pro')).items;
    expect(tiered?.tiers[0]).toMatchObject({
      aboveInputTokens: 200_000,
      inputPerMTokUsd: '2.5',
      outputPerMTokUsd: '15',
    });
  });

  it("put the workspace's own first, in place of the catalogue's, and give that back when it is removed", async () => {
    const set = await gateway.owner.put('/api/prices/OpenAI/GPT-4o-mini', { ...price, cacheReadPerMTokUsd: 0.5 });
    expect(bodyOf(set, 200)).toMatchObject({
      ...{ provider: 'openai', model: 'gpt-4o-mini', inputPerMTokUsd: '2', cacheReadPerMTokUsd: '0.5' },
      ...{ cacheWritePerMTokUsd: null, source: 'workspace' },
    });
    const own = await list('model=gpt-4o-mini');
    expect(own.items[0]).toMatchObject({ provider: 'openai', model: 'gpt-4o-mini', source: 'workspace' });
    expect(own.items.filter((item) => item.provider === 'openai' && item.model === 'gpt-4o-mini')).toHaveLength(1);
    const run = { agent: 'a', model: 'gpt-4o-mini', estimate: { inputTokens: 1_000_000, maxOutputTokens: 1_000_000 } };
    expect(bodyOf(await gateway.owner.post('/api/executions', run), 201)).toMatchObject({ heldUsd: '6' });
    expect((await gateway.owner.delete('/api/prices/openai/gpt-4o-mini')).status).toBe(204);
    expect((await gateway.owner.delete('/api/prices/openai/gpt-4o-mini')).status).toBe(404);
    expect(bodyOf(await gateway.owner.post('/api/executions', run), 201)).toMatchObject({ heldUsd: '0.75' });
  });

  it('take names with slashes, colons, spaces and other scripts, percent-encoded', async () => {
    for (const model of ['meta-llama/llama-3:free', 'models/a b?c#d', '模型%2F']) {
      const path = `/api/prices/${encodeURIComponent('open/router')}/${encodeURIComponent(model)}`;
      expect(bodyOf(await gateway.owner.put(path, price), 200)).toMatchObject({
        provider: 'open/router',
        model: model.toLowerCase(),
      });
      const run = {
        agent: 'a',
        model,
        provider: 'open/router',
        estimate: { inputTokens: 1_000_000, maxOutputTokens: 0 },
      };
      expect(bodyOf(await gateway.owner.post('/api/executions', run), 201)).toMatchObject({ heldUsd: '2' });
      expect((await gateway.owner.delete(path)).status).toBe(204);
    }
  });

  it('are known at once to a run that was refused for want of one, through any gateway', async () => {
    const other = await startGateway({ db: gateway.db });
    await gateway.owner.patch('/api/workspaces/default', { settings: { unknownPrice: 'deny' } });
    const run = {
      agent: 'a',
      model: 'new-model',
      provider: 'acme',
      estimate: { inputTokens: 1_000_000, maxOutputTokens: 0 },
    };
    bodyOf(await other.owner.post('/api/executions', run), 422);
    bodyOf(await gateway.owner.put('/api/prices/acme/new-model', price), 200);
    const admitted = bodyOf<{ id: string; heldUsd: string }>(await other.owner.post('/api/executions', run), 201);
    expect(admitted.heldUsd).toBe('2');
    bodyOf(await gateway.owner.put('/api/prices/acme/new-model', { ...price, inputPerMTokUsd: '3' }), 200);
    const done = { status: 'succeeded', usage: { inputTokens: 1_000_000, outputTokens: 0 } };
    const settled = bodyOf(await other.owner.post(`/api/executions/${admitted.id}/complete`, done), 200);
    expect(settled).toMatchObject({ costUsd: '3', overageUsd: '1', price: { settled: { source: 'workspace' } } });
    await other.close();
  });

  it('belong to one workspace: another neither sees nor removes them', async () => {
    bodyOf(await gateway.owner.put('/api/prices/acme/private', price), 200);
    const there = await gateway.workspace('prices-elsewhere');
    const stranger = gateway.as(await gateway.key({ role: 'owner', workspaceId: there.id }));
    expect(bodyOf<Listed>(await stranger.get('/api/prices?provider=acme'), 200).items).toEqual([]);
    const same = { 'x-request-id': 'same' };
    const [foreign, missing] = [
      await stranger.delete('/api/prices/acme/private', same),
      await stranger.delete('/api/prices/acme/missing', same),
    ];
    expect(foreign.status).toBe(404);
    expect(foreign.text.replace('private', 'missing')).toBe(missing.text);
    expect((await list('provider=acme&model=private')).items).toHaveLength(1);
  });

  it('are listed page by page without gap or repetition, own and catalogue together', async () => {
    for (const n of [1, 2, 3]) bodyOf(await gateway.owner.put(`/api/prices/anthropic/page-${n}`, price), 200);
    bodyOf(await gateway.owner.put('/api/prices/anthropic/claude-3-haiku-20240307', price), 200);
    const all = (await list('provider=anthropic&limit=200')).items;
    const paged: PriceView[] = [];
    let cursor = '';
    do {
      const page = await list(`provider=anthropic&limit=2${cursor}`);
      expect(page.items.length).toBeLessThanOrEqual(2);
      paged.push(...page.items);
      cursor = page.nextCursor === null ? '' : `&cursor=${page.nextCursor}`;
    } while (cursor !== '');
    expect(paged).toEqual(all);
    expect(all.slice(0, 4).every((item) => item.source === 'workspace')).toBe(true);
    expect(all.slice(4).every((item) => item.source === 'catalogue')).toBe(true);
    expect(all.length).toBeGreaterThan(8);
    expect(new Set(all.map((item) => item.model)).size).toBe(all.length);
  });

  it.each([
    ['a negative price', { ...price, inputPerMTokUsd: '-1' }, 'inputPerMTokUsd'],
    ['NaN', { ...price, outputPerMTokUsd: 'NaN' }, 'outputPerMTokUsd'],
    ['more than a million', { ...price, inputPerMTokUsd: '1000000.000000001' }, 'inputPerMTokUsd'],
    ['ten decimals', { ...price, inputPerMTokUsd: '0.0000000001' }, 'inputPerMTokUsd'],
    ['no output price', { inputPerMTokUsd: '1' }, 'outputPerMTokUsd'],
    ['a null cache price', { ...price, cacheReadPerMTokUsd: null }, 'cacheReadPerMTokUsd'],
    ['an unknown field', { ...price, currency: 'EUR' }, 'currency'],
  ])('refuse %s and name the field', async (_, body, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await gateway.owner.put('/api/prices/acme/m', body), 422);
    expect(problem.errors.map((fault) => fault.path)).toContain(path);
  });

  it('refuse names that cannot be kept', async () => {
    for (const name of ['%00', '%20', 'x'.repeat(201)]) {
      expect([name, (await gateway.owner.put(`/api/prices/acme/${name}`, price)).status]).toEqual([name, 422]);
    }
  });

  it('leave an event for each change', async () => {
    bodyOf(await gateway.owner.put('/api/prices/acme/noted', price), 200);
    await gateway.owner.delete('/api/prices/acme/noted');
    const events = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query("select type, data from events where subject = 'price:acme/noted' order by seq"),
    );
    expect(events).toEqual([
      { type: 'price.set', data: { provider: 'acme', model: 'noted', ...price } },
      { type: 'price.removed', data: { provider: 'acme', model: 'noted' } },
    ]);
  });
});
