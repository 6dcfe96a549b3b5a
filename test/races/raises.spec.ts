import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { insertBudget } from '../factories/budget.js';
import { faultsInAlerts } from '../support/books.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

const USD = 1_000_000_000n;
const FIRST_LIMIT = 10n;

type Act = { do: 'grant'; usd: bigint } | { do: 'patch'; usd: bigint } | { do: 'end' } | { do: 'spend' };

const usd = fc.bigInt({ min: 1n, max: 30n });
const act: fc.Arbitrary<Act> = fc.oneof(
  fc.record({ do: fc.constant('grant' as const), usd }),
  fc.record({ do: fc.constant('patch' as const), usd }),
  fc.record({ do: fc.constant('end' as const) }),
  fc.record({ do: fc.constant('spend' as const) }),
);
/** Rounds of acts that happen at the same time. */
const rounds = fc.array(fc.array(act, { minLength: 2, maxLength: 8 }), { minLength: 2, maxLength: 6 });

describe('raises of a budget under many hands', () => {
  let gateway: TestGateway;
  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, values: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, values));

  async function grant(budget: string, amount: bigint): Promise<void> {
    const { database, organizationId } = gateway.db;
    await database.inOrganization(organizationId, async (tx) => {
      await tx.query('select lock_money_exclusively($1)', [organizationId]);
      const values = [organizationId, budget, newId(), (amount * USD).toString()];
      await tx.query(`select grant_raise($1, $2, $3, $4, 60, 'test')`, values);
    });
  }

  async function perform(budget: string, one: Act): Promise<void> {
    switch (one.do) {
      case 'grant':
        return grant(budget, one.usd);
      case 'patch':
        bodyOf(await gateway.owner.patch(`/api/budgets/${budget}`, { limitUsd: one.usd.toString() }), 200);
        return;
      case 'end':
        await query(
          `update budget_raises set until = now() where ended_at is null and budget_id = $1
              and approval_id in (select approval_id from budget_raises where ended_at is null and budget_id = $1 limit 2)`,
          [budget],
        );
        await gateway.db.database.statement('select end_raises($1, 10)', [gateway.db.organizationId]);
        return;
      case 'spend': {
        const run = { agent: 'spender', model: 'any', estimate: { costUsd: '1' } };
        const { status, body } = await gateway.owner.post('/api/executions', run);
        expect([201, 402]).toContain(status);
        if (status === 402) return;
        const { id } = body as { id: string };
        const done = { status: 'succeeded', costUsd: '1' };
        bodyOf(await gateway.owner.post(`/api/executions/${id}/complete`, done), 200);
      }
    }
  }

  /** The limit without what is granted on top, and what people set last. */
  const limits = async (budget: string) => {
    const [row] = await query<{ base: string; set: string }>(
      `select nano_to_usd(b.limit_nano - coalesce((select sum(r.amount_nano) from budget_raises r
                            where r.budget_id = b.id and r.ended_at is null), 0)::bigint) as base,
              coalesce((select e.data ->> 'to' from events e where e.subject = 'budget:' || b.id and e.type = 'budget.limit_changed'
                         order by e.seq desc limit 1), $2) as set
         from budgets b where b.id = $1`,
      [budget, FIRST_LIMIT.toString()],
    );
    return row!;
  };

  it('leave the limit that people set plus what lasts, whatever happens at the same time, and at the end that limit', async () => {
    await fc.assert(
      fc.asyncProperty(rounds, async (script) => {
        const budget = await insertBudget(gateway.db, { limitNano: FIRST_LIMIT * USD, thresholds: [50, 75] });
        for (const acts of script) {
          await Promise.all(acts.map((one) => perform(budget, one)));
          const { base, set } = await limits(budget);
          expect(base).toBe(set);
        }
        await query('update budget_raises set until = now() where ended_at is null');
        await gateway.db.database.statement('select end_raises($1, 1000)', [gateway.db.organizationId]);
        const { set } = await limits(budget);
        expect(bodyOf(await gateway.owner.get(`/api/budgets/${budget}`), 200)).toMatchObject({
          limitUsd: set,
          raises: [],
        });
        const told = await query<{ type: string; count: string }>(
          `select type, count(*) as count from events where subject = $1 and type in ('budget.raised', 'budget.raise_ended') group by 1`,
          [`budget:${budget}`],
        );
        const counts = new Map(told.map(({ type, count }) => [type, count]));
        expect(counts.get('budget.raise_ended')).toBe(counts.get('budget.raised'));
        expect(await faultsInAlerts(gateway.db)).toEqual([]);
        bodyOf(await gateway.owner.delete(`/api/budgets/${budget}`), 204);
      }),
      { numRuns: 10, endOnFailure: true },
    );
  }, 120_000);
});
