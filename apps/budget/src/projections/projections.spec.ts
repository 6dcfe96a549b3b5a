import { insertBudget, type BudgetFields } from '../../../../test/factories/budget.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { ProjectionStore } from './projection.store.js';
import { Projections } from './projections.js';

const USD = 1_000_000_000n;
const HOUR_MS = 3_600_000;

describe('the projection of exhaustion', () => {
  let db: TestDatabase;
  let duty: Projections;
  let midnight: number;

  beforeEach(async () => {
    db = await openTestDatabase();
    duty = new Projections(db.database, new ProjectionStore());
    midnight = Math.floor(Date.now() / 86_400_000) * 86_400_000;
  });
  afterEach(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const at = (hours: number) => new Date(midnight + hours * HOUR_MS);
  const warnings = () =>
    query<{ subject: string; data: Record<string, unknown> }>(
      `select subject, data from events where type = 'budget.exhaustion_projected' order by seq`,
    );
  /** A daily budget of 10 USD of which so much is spent today. */
  const spent = async (usd: number, fields: BudgetFields = {}): Promise<string> => {
    const id = await insertBudget(db, { limitNano: 10n * USD, period: 'day', ...fields });
    await query('update budget_windows set spent_nano = $2 where budget_id = $1', [id, (BigInt(usd) * USD).toString()]);
    return id;
  };

  it('warns once per budget and window, with the time at which the money will be gone', async () => {
    const id = await spent(6);
    expect(await duty.runOnce(at(12))).toEqual({ projected: 1 });
    expect(await duty.runOnce(at(13))).toEqual({ projected: 0 });
    const [warning, ...more] = await warnings();
    expect(more).toEqual([]);
    expect(warning).toEqual({
      subject: `budget:${id}`,
      data: expect.objectContaining({
        budgetId: id,
        projectedExhaustionAt: at(20).toISOString(),
        consumedPercent: 60,
        limitUsd: '10',
        spentUsd: '6',
        window: { start: at(0).toISOString(), end: at(24).toISOString() },
      }) as unknown,
    });
  });

  it('warns once also when several ask at the same time', async () => {
    await spent(6);
    const store = new ProjectionStore();
    const runs = await Promise.all(
      Array.from({ length: 5 }, () => new Projections(db.database, store).runOnce(at(12))),
    );
    expect(runs.reduce((sum, run) => sum + run.projected, 0)).toBe(1);
    expect(await warnings()).toHaveLength(1);
  });

  it('is silent while the money lasts until the window ends', async () => {
    await spent(5);
    expect(await duty.runOnce(at(12))).toEqual({ projected: 0 });
    expect(await duty.runOnce(at(11))).toEqual({ projected: 1 });
  });

  it('is silent before a tenth of the window is over, and before half of the money is spent', async () => {
    await spent(9);
    expect(await duty.runOnce(at(2.39))).toEqual({ projected: 0 });
    expect(await duty.runOnce(at(2.4))).toEqual({ projected: 1 });
    await spent(4);
    expect(await duty.runOnce(at(3))).toEqual({ projected: 0 });
  });

  it.each<[string, number, BudgetFields]>([
    ['used up already', 10, {}],
    ['only observed', 6, { mode: 'observe' }],
    ['without an end', 6, { period: 'total' }],
  ])('is silent about a budget that is %s', async (_, usd, fields) => {
    await spent(usd, fields);
    expect(await duty.runOnce(at(12))).toEqual({ projected: 0 });
  });

  it('is silent about frozen and deleted budgets', async () => {
    const [frozen, deleted] = [await spent(6), await spent(6)];
    await query(`update budgets set frozen_at = now(), frozen_reason = 'x', frozen_by = 'x' where id = $1`, [frozen]);
    await query('update budgets set deleted_at = now() where id = $1', [deleted]);
    expect(await duty.runOnce(at(12))).toEqual({ projected: 0 });
  });
});
