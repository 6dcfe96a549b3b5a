import { faultsInBooks } from '../support/books.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

interface Recorded {
  recorded: number;
  duplicates: number;
  items: { externalId: string; id: string; status: string }[];
}

describe('executions recorded afterwards', () => {
  let gateway: TestGateway;
  let budget: string;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    const body = { name: 'B', limitUsd: '10', period: 'day', timezone: 'Etc/GMT+12', scope: { model: 'gpt-4o-mini' } };
    budget = bodyOf<{ id: string }>(await gateway.owner.post('/api/budgets', body), 201).id;
  });
  // The next test's budget covers none of this test's runs.
  afterEach(async () => {
    expect(await faultsInBooks(gateway.db)).toEqual([]);
    await query(`update executions set model = 'done' where model = 'gpt-4o-mini'`);
    await query(`update budgets set deleted_at = now()`);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const spentUsd = async () =>
    bodyOf<{ spentUsd: string }>(await gateway.owner.get(`/api/budgets/${budget}`), 200).spentUsd;
  const item = (externalId: string, more: object = {}) => ({
    ...{ externalId, agent: 'importer', model: 'gpt-4o-mini', startedAt: new Date().toISOString(), costUsd: '0.01' },
    ...more,
  });
  const record = async (items: object[]) =>
    bodyOf<Recorded>(await gateway.owner.post('/api/executions/record', { items }), 201);

  it('are taken by the thousand, once each, beyond the limit too', async () => {
    const thousand = Array.from({ length: 1000 }, (_, n) => item(`bulk ${n % 990}`, { costUsd: '0.02' }));
    const first = await record(thousand);
    expect([first.recorded, first.duplicates]).toEqual([990, 10]);
    expect(first.items[995]).toEqual({ ...first.items[5], status: 'duplicate' });
    expect(await spentUsd()).toBe('19.8');
    const [again, twin] = await Promise.all([record(thousand), record(thousand)]);
    expect([again.recorded, twin.recorded]).toEqual([0, 0]);
    expect(again.items.map(({ id }) => id)).toEqual(first.items.map(({ id }) => id));
    expect(await spentUsd()).toBe('19.8');
  });

  it('are taken once when two deliver the same at the same time', async () => {
    const items = Array.from({ length: 200 }, (_, n) => item(`race ${n}`));
    const answers = await Promise.all([record(items), record(items.toReversed()), record(items)]);
    expect(answers.reduce((sum, { recorded }) => sum + recorded, 0)).toBe(200);
    expect(new Set(answers.flatMap((answer) => answer.items.map(({ id }) => id))).size).toBe(200);
    expect(await spentUsd()).toBe('2');
  });

  it('count in the windows in which they happened, and wake nobody for the past', async () => {
    bodyOf(await gateway.owner.patch(`/api/budgets/${budget}`, { thresholds: [50] }), 200);
    const past = (days: number) => new Date(Date.now() - days * 86_400_000).toISOString();
    await record([10, 11, 10].map((days, n) => item(`old ${n}`, { startedAt: past(days), costUsd: '9' })));
    expect(await spentUsd()).toBe('0');
    const windows = await query<{ spent: string }>(
      `select spent_nano as spent from budget_windows where budget_id = $1 order by window_start`,
      [budget],
    );
    expect(windows.map(({ spent }) => spent)).toEqual(['9000000000', '18000000000', '0']);
    expect(await query(`select 1 from budget_alerts where budget_id = $1`, [budget])).toEqual([]);
    await record([item('new', { costUsd: '6' })]);
    expect(await query(`select 1 from budget_alerts where budget_id = $1`, [budget])).toHaveLength(1);
  });

  it.each([
    ['1,001 items', Array.from({ length: 1001 }, (_, n) => item(`${n}`))],
    ['no item', []],
    ['one from the future', [item('f', { startedAt: '2999-01-01T00:00:00Z' })]],
    ['one that ended before it began', [item('e', { endedAt: '2001-01-01T00:00:00Z' })]],
    ['one without cost', [item('c', { costUsd: undefined })]],
    ['a negative one', [item('n', { costUsd: '-1' })]],
  ])('are refused together when there is %s', async (_, items) => {
    const answer = await gateway.owner.post('/api/executions/record', { items });
    expect(bodyOf(answer, 422).code).toBe('invalid_values');
    expect(await spentUsd()).toBe('0');
  });
});
