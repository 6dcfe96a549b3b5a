import fc from 'fast-check';
import { faultsInAlerts, faultsInBooks, repeatedAlerts } from '../support/books.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { type AdmittedRun, LedgerFleet, type Run } from '../support/ledger-fleet.js';

/** The one budget that refuses nothing. */
const WATCHED = 'watched';
const MODELS = ['alpha-1', 'beta-1'];
const LIMIT = 1_000n;

type Act =
  | { do: 'admit'; workspace: number; agent: number; model: number; nano: bigint }
  | { do: 'report'; run: number; nano: bigint }
  | { do: 'finish'; run: number; nano: bigint; status: string }
  | { do: 'lapse'; run: number }
  | { do: 'cancel'; run: number }
  | { do: 'record'; days: number[]; nano: bigint; run: number }
  | { do: 'limit'; budget: number; nano: bigint }
  | { do: 'freeze'; budget: number; frozen: boolean }
  | { do: 'open'; workspace: number; model: number; nano: bigint };

const bit = fc.integer({ min: 0, max: 1 });
const any = fc.integer({ min: 0, max: 1000 });
const nano = fc.bigInt({ min: 0n, max: 120n });

const admit = fc.record({ do: fc.constant('admit' as const), workspace: bit, agent: bit, model: bit, nano });
const finish = fc.record({
  ...{ do: fc.constant('finish' as const), run: any, nano },
  status: fc.constantFrom('succeeded', 'failed', 'timeout'),
});
const report = fc.record({ do: fc.constant('report' as const), run: any, nano });
const cancel = fc.record({ do: fc.constant('cancel' as const), run: any });
const lapse = fc.record({ do: fc.constant('lapse' as const), run: any });
const budget = fc.integer({ min: 0, max: 4 });
const disturbance = fc.oneof(
  fc.record({
    ...{ do: fc.constant('record' as const), run: any, nano },
    days: fc.array(fc.constantFrom(0, 1, 40), { minLength: 1, maxLength: 4 }),
  }),
  fc.record({ do: fc.constant('limit' as const), budget, nano: fc.bigInt({ min: 0n, max: 2n * LIMIT }) }),
  fc.record({ do: fc.constant('freeze' as const), budget, frozen: fc.boolean() }),
  fc.record({ do: fc.constant('open' as const), workspace: bit, model: bit, nano: fc.bigInt({ min: 0n, max: LIMIT }) }),
);

/** What several clients do at the same time, each one act after the other. */
const scripts = (act: fc.Arbitrary<Act>) =>
  fc.array(fc.array(act, { minLength: 15, maxLength: 30 }), { minLength: 6, maxLength: 6 });

/** A fleet under budgets that lie within each other, and the clients that work in it. */
class Play {
  readonly runs: AdmittedRun[] = [];
  readonly budgetIds: string[] = [];
  /** The highest limit each budget ever had. */
  readonly ceilings: Record<string, string> = {};
  readonly overdrawn: string[] = [];
  /** Costs stay within what was asked for. */
  honest = false;
  verdicts = { admitted: 0, budget_exceeded: 0, budget_frozen: 0, existing: 0 };

  constructor(readonly fleet: LedgerFleet) {}

  async begin(): Promise<void> {
    const [workspaceId] = this.fleet.workspaceIds;
    const [agentId] = this.fleet.agentIds;
    const thresholds = [50, 75, 90];
    await this.fleet.found();
    for (const fields of [
      { name: 'organization', workspaceId: null, limitNano: LIMIT, period: 'month' as const },
      { name: 'workspace', workspaceId, limitNano: (LIMIT * 7n) / 10n, period: 'day' as const },
      { name: 'agent', workspaceId: null, agentId, limitNano: LIMIT / 2n, period: 'total' as const },
      { name: 'model', workspaceId, model: 'alpha*', limitNano: LIMIT / 3n, period: 'week' as const },
      { name: WATCHED, workspaceId, limitNano: 50n, mode: 'observe' as const },
    ])
      this.budgetIds.push(await this.fleet.openBudget({ ...fields, thresholds }));
  }

  /** All clients at once, while a bystander closes the books again and again. @returns what did not add up meanwhile */
  async perform(clients: Act[][]): Promise<string[]> {
    const faults: string[] = [];
    let over = false;
    const bystander = async () => {
      while (!over) faults.push(...(await faultsInBooks(this.fleet.where, this.ceilings)));
    };
    const watching = bystander();
    try {
      await Promise.all(clients.map((acts) => this.client(acts)));
    } finally {
      over = true;
      await watching;
    }
    return [...faults, ...this.overdrawn, ...(await faultsInBooks(this.fleet.where, this.ceilings))];
  }

  private async client(acts: Act[]): Promise<void> {
    for (const act of acts) await this.act(act);
  }

  private async act(act: Act): Promise<void> {
    switch (act.do) {
      case 'admit':
        return this.admit({ ...this.place(act.workspace, act.agent), model: MODELS[act.model]! }, act.nano);
      case 'record':
        return this.record(act);
      case 'limit':
        return this.limit(act.budget, act.nano);
      case 'freeze':
        return this.fleet.setFrozen(this.budgetIds[act.budget]!, act.frozen);
      case 'open': {
        const [workspaceId, model] = [this.fleet.workspaceIds[act.workspace]!, MODELS[act.model]!];
        await this.fleet.openBudget({ workspaceId, model, limitNano: act.nano, thresholds: [60] });
        return;
      }
      case 'report':
      case 'finish':
      case 'lapse':
      case 'cancel':
        return this.follow(act);
    }
  }

  private async follow(act: Extract<Act, { run: number }> & { do: 'report' | 'finish' | 'lapse' | 'cancel' }) {
    const run = this.runs[act.run % Math.max(this.runs.length, 1)];
    if (!run) return;
    const cost = (wanted: bigint) => (this.honest && wanted > run.nano ? run.nano : wanted);
    if (act.do === 'report') await this.fleet.report(run, cost(act.nano));
    else if (act.do === 'finish') await this.fleet.resolve(run, act.status, cost(act.nano));
    else if (act.do === 'cancel') await this.fleet.resolve(run, 'cancelled');
    else await this.fleet.lapse(run);
  }

  private async admit(run: Run, nano: bigint): Promise<void> {
    const { id, judgement } = await this.fleet.admit(run, nano);
    this.verdicts[judgement.verdict] += 1;
    if (judgement.verdict === 'admitted') this.runs.push({ ...run, id, nano });
    for (const { budget, heldNano } of judgement.legs) {
      const room = budget.limitNano - budget.spentNano - heldNano;
      if (judgement.verdict === 'admitted' && budget.name !== WATCHED && nano > 0n && room < 0n)
        this.overdrawn.push(`${budget.name} admitted ${nano} and is ${-room} beyond its limit`);
    }
    if (judgement.verdict === 'budget_exceeded') {
      const { budget, heldNano } = judgement.binding!;
      const room = budget.limitNano - budget.spentNano - heldNano;
      if (nano <= room) this.overdrawn.push(`${budget.name} had ${room} left and refused ${nano}`);
    }
  }

  private async record({ days, nano, run }: Extract<Act, { do: 'record' }>): Promise<void> {
    const runs = days.map((daysAgo, n) => ({
      ...this.place((run + n) % 2, run % 2),
      ...{ model: MODELS[n % 2]!, costNano: nano, daysAgo, externalId: `x${(run + n) % 40}` },
    }));
    // One item for each external id, as the gateway sends it.
    await this.fleet.record([...new Map(runs.map((item) => [`${item.workspaceId}${item.externalId}`, item])).values()]);
  }

  private async limit(budget: number, nano: bigint): Promise<void> {
    const id = this.budgetIds[budget]!;
    const before = BigInt(this.ceilings[id] ?? 2n * LIMIT);
    this.ceilings[id] = (nano > before ? nano : before).toString();
    await this.fleet.changeLimit(id, nano);
  }

  private place(workspace: number, agent: number): { workspaceId: string; agentId: string } {
    return { workspaceId: this.fleet.workspaceIds[workspace]!, agentId: this.fleet.agentIds[agent]! };
  }
}

describe('the ledger under many hands', () => {
  let db: TestDatabase;
  beforeAll(async () => {
    db = await openTestDatabase({ poolSize: 14 });
  });
  afterAll(() => db.close());

  const play = async () => {
    const started = new Play(new LedgerFleet(db, ['batched', 'batched', 'inline']));
    await started.begin();
    return started;
  };
  // What happens depends on who comes first, so a failure is not shrunk; its seed and its script are printed.
  const settings = { numRuns: 15, endOnFailure: true };

  it('never promises more than a limit, at any instant, and tells every threshold exactly once', async () => {
    const act = fc.oneof({ weight: 5, arbitrary: admit }, { weight: 3, arbitrary: finish }, report, cancel);
    await fc.assert(
      fc.asyncProperty(scripts(act), async (clients) => {
        const started = await play();
        started.honest = true;
        expect(await started.perform(clients)).toEqual([]);
        expect(await faultsInAlerts(started.fleet.where)).toEqual([]);
        expect(await repeatedAlerts(started.fleet.where)).toEqual([]);
        const overage = await started.fleet.database.inOrganization(started.fleet.organizationId, (tx) =>
          tx.query('select 1 from budget_windows where overage_nano <> 0 or unreserved_nano <> 0'),
        );
        expect(overage).toEqual([]);
        expect(started.verdicts.admitted).toBeGreaterThan(0);
      }),
      settings,
    );
  }, 120_000);

  it('stays exact when runs cost more than they asked for, lapse, come late or are recorded, and budgets change', async () => {
    const act = fc.oneof(
      { weight: 8, arbitrary: admit },
      { weight: 5, arbitrary: finish },
      { weight: 3, arbitrary: lapse },
      { weight: 3, arbitrary: report },
      { weight: 1, arbitrary: cancel },
      { weight: 3, arbitrary: disturbance },
    );
    await fc.assert(
      fc.asyncProperty(scripts(act), async (clients) => {
        const started = await play();
        for (const id of started.budgetIds) started.ceilings[id] = (2n * LIMIT).toString();
        expect(await started.perform(clients)).toEqual([]);
        expect(await faultsInAlerts(started.fleet.where)).toEqual([]);
      }),
      settings,
    );
  }, 120_000);
});
