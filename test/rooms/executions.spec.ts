import { faultsInBooks } from '../support/books.js';
import { administer } from '../support/database.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

interface Execution {
  id: string;
  status: string;
  heldUsd: string;
  costUsd: string;
  overageUsd: string;
  late: boolean;
  usage: Record<string, number>;
  price: { held: Record<string, unknown>; settled: Record<string, unknown> };
}

interface Budget {
  id: string;
  spentUsd: string;
  heldUsd: string;
  overageUsd: string;
  remainingUsd: string;
}

describe('executions', () => {
  let gateway: TestGateway;
  let budget: string;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    const body = { name: 'B', limitUsd: '10', period: 'day', timezone: 'Etc/GMT+12', scope: { model: 'gpt-4o-mini' } };
    budget = bodyOf<Budget>(await gateway.owner.post('/api/budgets', body), 201).id;
  });
  // The next test's budget covers none of this test's runs.
  afterEach(async () => {
    expect(await faultsInBooks(gateway.db)).toEqual([]);
    await query(`update executions set model = 'done' where model = 'gpt-4o-mini'`);
    await query(`update budgets set deleted_at = now()`);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const admit = async (estimate: object = { costUsd: '1' }, more: object = {}) => {
    const body = { agent: 'worker', model: 'gpt-4o-mini', estimate, ...more };
    return bodyOf<Execution>(await gateway.owner.post('/api/executions', body), 201);
  };
  const path = ({ id }: { id: string }, act = '') => `/api/executions/${id}${act}`;
  const complete = (run: { id: string }, outcome: object) =>
    gateway.owner.post(path(run, '/complete'), { status: 'succeeded', ...outcome });
  const report = (run: { id: string }, usage: object) => gateway.owner.patch(path(run), { usage });
  const figures = async () => {
    const { spentUsd, heldUsd, overageUsd } = bodyOf<Budget>(await gateway.owner.get(`/api/budgets/${budget}`), 200);
    return { spentUsd, heldUsd, overageUsd };
  };
  const expire = async ({ id }: { id: string }) => {
    await query(`update executions set hold_expires_at = now() where id = $1`, [id]);
    await query(`select expire_holds($1, 10)`, [gateway.db.organizationId]);
  };

  describe('completed', () => {
    it('after the hold expired still count, and say so', async () => {
      const run = await admit();
      await expire(run);
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '0', overageUsd: '0' });
      expect(bodyOf(await complete(run, { costUsd: '0.4' }), 200)).toMatchObject({
        ...{ status: 'succeeded', late: true, costUsd: '0.4', overageUsd: '0' },
      });
      expect(await figures()).toEqual({ spentUsd: '0.4', heldUsd: '0', overageUsd: '0' });
      expect(bodyOf<Execution>(await complete(run, { costUsd: '0.4' }), 200).late).toBe(true);
      expect(await figures()).toEqual({ spentUsd: '0.4', heldUsd: '0', overageUsd: '0' });
    });

    it('twice with the same answer are counted once, however the answer is spelled', async () => {
      const run = await admit();
      const first = bodyOf(await complete(run, { costUsd: '0.40' }), 200);
      expect(bodyOf(await complete(run, { costUsd: 0.4 }), 200)).toEqual(first);
      expect(await figures()).toEqual({ spentUsd: '0.4', heldUsd: '0', overageUsd: '0' });
    });

    it('twice with different answers keep the first', async () => {
      const run = await admit();
      await complete(run, { costUsd: '0.4' });
      for (const second of [{ costUsd: '0.5' }, { costUsd: '0.4', status: 'failed' }, { costUsd: '0.4', error: 'x' }])
        expect(bodyOf(await complete(run, second), 409)).toMatchObject({ code: 'completion_conflict' });
      expect(bodyOf(await gateway.owner.post(path(run, '/cancel')), 409)).toMatchObject({
        code: 'completion_conflict',
      });
      expect(await figures()).toEqual({ spentUsd: '0.4', heldUsd: '0', overageUsd: '0' });
    });

    it('beyond their hold show the excess as overage and clamp nothing', async () => {
      const run = await admit();
      expect(bodyOf(await complete(run, { costUsd: '12.5' }), 200)).toMatchObject({
        costUsd: '12.5',
        overageUsd: '11.5',
      });
      expect(await figures()).toEqual({ spentUsd: '12.5', heldUsd: '0', overageUsd: '11.5' });
    });

    it('need usage or cost when they succeeded, and not when they failed before they spent', async () => {
      const run = await admit();
      expect(bodyOf(await complete(run, {}), 422)).toMatchObject({ code: 'usage_required' });
      expect(bodyOf(await complete(run, { costUsd: '1', usage: { inputTokens: 1 } }), 422).code).toBe('invalid_values');
      expect(bodyOf(await complete(run, { status: 'failed' }), 200)).toMatchObject({ status: 'failed', costUsd: null });
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '0', overageUsd: '0' });
    });

    it('are settled in the window they were admitted in, also after midnight', async () => {
      const run = await admit();
      // 26 hours lie between these zones: it is another day there.
      await query(`update budgets set timezone = 'Etc/GMT-14' where id = $1`, [budget]);
      const next = await admit({ costUsd: '2' });
      bodyOf(await report(run, { inputTokens: 10_000_000 }), 200);
      bodyOf(await complete(run, { costUsd: '0.7' }), 200);
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '2', overageUsd: '0' });
      const windows = await query<{ spent: string; held: string }>(
        `select spent_nano as spent, held_nano as held from budget_windows where budget_id = $1 order by held_nano`,
        [budget],
      );
      expect(windows).toEqual([
        { spent: '700000000', held: '0' },
        { spent: '0', held: '2000000000' },
      ]);
      bodyOf(await gateway.owner.post(path(next, '/cancel')), 200);
    });
  });

  describe('while running', () => {
    // 0.15 USD per million.
    const usage = (usd: number) => ({ inputTokens: Math.round((usd / 0.15) * 1e6) });

    it('raise their hold with their cost while there is room', async () => {
      const run = await admit();
      expect(bodyOf(await report(run, usage(0.9)), 200)).toEqual({ continue: true, costUsd: '0.9', heldUsd: '1' });
      expect(bodyOf(await report(run, usage(3)), 200)).toEqual({ continue: true, costUsd: '3', heldUsd: '3' });
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '3', overageUsd: '0' });
      expect(bodyOf<Execution>(await gateway.owner.post(path(run, '/cancel')), 200)).toMatchObject({ costUsd: '3' });
      expect(await figures()).toEqual({ spentUsd: '3', heldUsd: '0', overageUsd: '0' });
    });

    it('are told to stop where there is no room, and hold no more than before', async () => {
      const [run] = [await admit(), await admit({ costUsd: '8.5' })];
      expect(bodyOf(await report(run, usage(3)), 200)).toEqual({
        ...{ continue: false, costUsd: '3', heldUsd: '1', reason: 'budget_exceeded' },
      });
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '9.5', overageUsd: '0' });
      expect(bodyOf(await complete(run, { usage: usage(3) }), 200)).toMatchObject({ overageUsd: '2' });
    });

    it('are told to stop when their budget is frozen, even within their hold', async () => {
      const run = await admit();
      bodyOf(await gateway.owner.post(`/api/budgets/${budget}/freeze`, { reason: 'too hot' }), 200);
      expect(bodyOf(await report(run, usage(0.3)), 200)).toMatchObject({ continue: false, reason: 'budget_frozen' });
      bodyOf(await gateway.owner.post(`/api/budgets/${budget}/unfreeze`), 200);
      expect(bodyOf(await report(run, usage(0.6)), 200)).toMatchObject({ continue: true });
    });

    it('are told that they were cancelled or have expired, and a settled one is a conflict', async () => {
      const [cancelled, expired, settled] = [await admit(), await admit(), await admit()];
      await gateway.owner.post(path(cancelled, '/cancel'));
      await expire(expired);
      await complete(settled, { costUsd: '0' });
      expect(bodyOf(await report(cancelled, usage(1)), 200)).toMatchObject({ continue: false, reason: 'cancelled' });
      expect(bodyOf(await report(expired, usage(1)), 200)).toMatchObject({ continue: false, reason: 'expired' });
      expect(bodyOf(await report(settled, usage(1)), 409)).toMatchObject({
        code: 'execution_not_running',
        status: 409,
      });
      expect(await figures()).toEqual({ spentUsd: '0', heldUsd: '0', overageUsd: '0' });
    });

    it('cannot take back usage', async () => {
      const run = await admit();
      await report(run, { inputTokens: 10, outputTokens: 5 });
      expect(bodyOf(await report(run, { inputTokens: 10, outputTokens: 4 }), 422).code).toBe('invalid_values');
    });
  });

  it.each([
    ['our', { inputTokens: 1000, outputTokens: 100, cacheReadTokens: 400, reasoningTokens: 20 }],
    [
      "OpenAI's chat",
      {
        prompt_tokens: 1000,
        completion_tokens: 100,
        prompt_tokens_details: { cached_tokens: 400 },
        completion_tokens_details: { reasoning_tokens: 20 },
        total_tokens: 1100,
      },
    ],
    [
      "OpenAI's responses",
      {
        input_tokens: 1000,
        output_tokens: 100,
        input_tokens_details: { cached_tokens: 400 },
        output_tokens_details: { reasoning_tokens: 20 },
      },
    ],
    [
      "Anthropic's",
      {
        input_tokens: 600,
        output_tokens: 100,
        cache_read_input_tokens: 400,
        output_tokens_details: { reasoning_tokens: 20 },
      },
    ],
  ])('cost the same in %s spelling of usage', async (_, usage) => {
    const done = bodyOf<Execution>(await complete(await admit(), { usage }), 200);
    expect(done.usage).toEqual({
      ...{ inputTokens: 1000, outputTokens: 100, cacheReadTokens: 400, cacheWriteTokens: 0, reasoningTokens: 20 },
    });
    // 600 x 0.15 + 400 x 0.075 + 100 x 0.60 per million
    expect(done.costUsd).toBe('0.00018');
  });

  it('keep the prices they were held and settled at, and where those came from', async () => {
    const run = await admit({ inputTokens: 1000, maxOutputTokens: 500 });
    expect(run.heldUsd).toBe('0.00045');
    const price = { inputPerMTokUsd: '1', outputPerMTokUsd: '2' };
    bodyOf(await gateway.owner.put('/api/prices/openai/gpt-4o-mini', price), 200);
    const done = bodyOf<Execution>(await complete(run, { usage: { inputTokens: 1000, outputTokens: 100 } }), 200);
    bodyOf(await gateway.owner.delete('/api/prices/openai/gpt-4o-mini'), 204);
    expect(done.costUsd).toBe('0.0012');
    expect(done.price.held).toMatchObject({ source: 'catalogue', unitPrices: { inputPerMTokUsd: '0.15' } });
    expect(done.price.held['catalogueVersion']).toEqual(expect.any(String));
    expect(done.price.settled).toMatchObject({ source: 'workspace', unitPrices: price });
    const stated = bodyOf<Execution>(await complete(await admit(), { costUsd: '0.5' }), 200);
    expect(stated.price).toMatchObject({ held: { source: 'stated' }, settled: { source: 'stated' } });
  });

  it('that are only tried write nothing, whatever the answer', async () => {
    const rowCounts = () =>
      administer(gateway.db.url, async (client) => {
        const { rows: tables } = await client.query<{ name: string }>(
          `select relname as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
            and relname <> 'processes' order by 1`,
        );
        const counts = tables.map(({ name }) => `(select count(*)::int from ${name}) as ${name}`).join(', ');
        return (await client.query<Record<string, number>>(`select ${counts}`)).rows[0]!;
      });
    const before = await rowCounts();
    expect(before['events']).toBeGreaterThan(0);
    const body = { agent: 'nobody-yet', model: 'gpt-4o-mini', dryRun: true };
    for (const [costUsd, status] of [
      ['1', 'admitted'],
      ['11', 'denied'],
    ]) {
      const answer = await gateway.owner.post('/api/executions', { ...body, estimate: { costUsd } });
      expect(bodyOf(answer, 200)).toMatchObject({ dryRun: true, status });
    }
    expect(await rowCounts()).toEqual(before);
  });
});
