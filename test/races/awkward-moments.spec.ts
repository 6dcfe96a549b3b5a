import { v7 as newId } from 'uuid';
import type { Tx } from '@houston/common/db/database.js';
import { faultsInAlerts, faultsInBooks, repeatedAlerts } from '../support/books.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { until } from '../support/launcher-fixture.js';
import { type AdmittedRun, LedgerFleet } from '../support/ledger-fleet.js';

describe('the ledger in awkward moments', () => {
  let db: TestDatabase;
  let fleet: LedgerFleet;
  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    fleet = new LedgerFleet(db, ['batched', 'batched']);
    await fleet.found();
  });
  afterEach(async () => expect(await faultsInBooks(fleet.where)).toEqual([]));

  const admit = async (nano: bigint): Promise<AdmittedRun> => {
    const run = { workspaceId: fleet.workspaceIds[0]!, agentId: fleet.agentIds[0]!, model: 'm' };
    const { id, judgement } = await fleet.admit(run, nano);
    expect(judgement.verdict).toBe('admitted');
    return { ...run, id, nano };
  };
  const inLedger = <Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    db.database.inOrganization(fleet.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const windowOf = async (budgetId: string) =>
    (
      await inLedger<Record<string, string>>(
        `select spent_nano::int as spent, held_nano::int as held, overage_nano::int as overage, unreserved_nano::int as unreserved
           from budget_windows where budget_id = $1 and window_end > now()`,
        [budgetId],
      )
    )[0];
  /** Resolves when somebody waits for a lock, or `work` is done without waiting. */
  const blockedOrDone = async (work: Promise<unknown>) => {
    let done = false;
    void work.finally(() => (done = true)).catch(() => undefined);
    await until('somebody to wait', async () => {
      const [row] = await inLedger<{ waiting: number }>(
        `select count(*)::int as waiting from pg_locks l join pg_stat_activity a using (pid)
          where not l.granted and a.datname = current_database()`,
      );
      return done || (row?.waiting ?? 0) > 0;
    });
  };

  it('lets a late answer be lower than the last report, and nothing becomes negative', async () => {
    const budget = await fleet.openBudget({ workspaceId: null, limitNano: 100n });
    const run = await admit(10n);
    await fleet.report(run, 8n);
    await fleet.lapse(run);
    expect(await windowOf(budget)).toEqual({ spent: 8, held: 0, overage: 0, unreserved: 0 });
    expect(await fleet.resolve(run, 'succeeded', 3n)).toBe('late');
    expect(await windowOf(budget)).toEqual({ spent: 3, held: 0, overage: 0, unreserved: 0 });
  });

  it('excuses no nano-dollar of a late answer twice', async () => {
    const budget = await fleet.openBudget({ workspaceId: null, limitNano: 100n });
    const run = await admit(10n);
    await fleet.report(run, 8n);
    await fleet.lapse(run);
    expect(await fleet.resolve(run, 'succeeded', 13n)).toBe('late');
    expect(await windowOf(budget)).toEqual({ spent: 13, held: 0, overage: 3, unreserved: 2 });
  });

  it('takes the late answer of a run whose overage is older than the budget', async () => {
    const first = await fleet.openBudget({ workspaceId: null, limitNano: 10n });
    const run = await admit(10n);
    expect(await fleet.report(run, 15n)).toBe('budget_exceeded');
    await fleet.lapse(run);
    const second = await fleet.openBudget({ workspaceId: null, limitNano: 100n });
    expect(await windowOf(second)).toEqual({ spent: 15, held: 0, overage: 5, unreserved: 10 });
    expect(await fleet.resolve(run, 'succeeded', 12n)).toBe('late');
    expect(await windowOf(first)).toMatchObject({ spent: 12, overage: 2 });
    expect(await windowOf(second)).toMatchObject({ spent: 12, overage: 2 });
  });

  it('keeps a run alive whose cost goes down while its usage goes up, and refuses usage that goes down', async () => {
    await fleet.openBudget({ workspaceId: null, limitNano: 100n });
    const run = await admit(10n);
    expect(await fleet.report(run, 8n, 100)).toBe('continued');
    expect(await fleet.report(run, 5n, 120)).toBe('continued');
    expect(await fleet.report(run, 6n, 110)).toBe('decreased');
  });

  it('tells a threshold that a settlement crosses while the limit is being lowered', async () => {
    const budget = await fleet.openBudget({ workspaceId: null, limitNano: 100n, thresholds: [50] });
    const run = await admit(40n);
    let settled: Promise<unknown> = Promise.resolve();
    await fleet.changeLimit(budget, 60n, () => {
      settled = fleet.resolve(run, 'succeeded', 40n);
      return blockedOrDone(settled);
    });
    expect(await settled).toBe('resolved');
    expect(await faultsInAlerts(fleet.where)).toEqual([]);
    expect(await repeatedAlerts(fleet.where)).toEqual([]);
  });

  it('tells a threshold again that a settlement crosses while the limit is being raised', async () => {
    const budget = await fleet.openBudget({ workspaceId: null, limitNano: 100n, thresholds: [50] });
    const [spent, run] = [await admit(50n), await admit(20n)];
    await fleet.resolve(spent, 'succeeded', 50n);
    let settled: Promise<unknown> = Promise.resolve();
    await fleet.changeLimit(budget, 120n, () => {
      settled = fleet.resolve(run, 'succeeded', 20n);
      return blockedOrDone(settled);
    });
    expect(await settled).toBe('resolved');
    expect(await faultsInAlerts(fleet.where)).toEqual([]);
  });

  // Whoever waits for the first lock and holds a later one would sooner or later wait in a circle.
  describe('locks windows in one order', () => {
    const budgetIds: string[] = [];
    beforeEach(async () => {
      budgetIds.length = 0;
      for (let n = 0; n < 8; n += 1)
        budgetIds.push(await fleet.openBudget({ workspaceId: null, limitNano: 100n, thresholds: [50] }));
      budgetIds.sort();
    });

    /** Holds the first window while `work` wants all of them. @returns how many of the others `work` holds meanwhile */
    const heldBehindTheFirst = async (start: () => Promise<unknown>, age: string): Promise<number> => {
      let work: Promise<unknown> = Promise.resolve();
      const lock = (tx: Tx, ids: string[], how: string) =>
        tx.query(
          `select 1 from budget_windows where budget_id = any($1) and (window_end > now()) = ($2 = 'new') for update ${how}`,
          [ids, age],
        );
      const held = await db.database.inOrganization(fleet.organizationId, async (tx) => {
        expect(await lock(tx, budgetIds.slice(0, 1), '')).toHaveLength(1);
        work = start();
        await blockedOrDone(work);
        return budgetIds.length - 1 - (await lock(tx, budgetIds.slice(1), 'skip locked')).length;
      });
      await work;
      return held;
    };

    it('when it admits', async () => {
      expect(await heldBehindTheFirst(() => admit(1n), 'new')).toBe(0);
    });

    it('when it raises a hold and when it settles', async () => {
      const run = await admit(1n);
      expect(await heldBehindTheFirst(() => fleet.report(run, 2n), 'new')).toBe(0);
      expect(await heldBehindTheFirst(() => fleet.resolve(run, 'succeeded', 2n), 'new')).toBe(0);
    });

    it('when it frees a stale hold', async () => {
      const run = await admit(1n);
      expect(await heldBehindTheFirst(() => fleet.lapse(run), 'new')).toBe(0);
    });

    it.each([
      ['the present', 0, 'new'],
      ['the past', 40, 'old'],
    ])('when it records runs of %s', async (_, daysAgo, age) => {
      const item = {
        workspaceId: fleet.workspaceIds[0]!,
        agentId: fleet.agentIds[0]!,
        model: 'm',
        costNano: 1n,
        daysAgo,
      };
      await fleet.record([{ ...item, externalId: newId() }]);
      expect(await heldBehindTheFirst(() => fleet.record([{ ...item, externalId: newId() }]), age)).toBe(0);
    });
  });
});
