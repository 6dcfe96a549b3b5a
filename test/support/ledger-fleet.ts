import type { HoustonConfig } from '@houston/common/config/config.js';
import { v7 as newId } from 'uuid';
import { AdmissionStore, type Judgement } from '../../apps/gateway/src/admission/admission.store.js';
import { PolicyStore } from '../../apps/gateway/src/admission/policy.store.js';
import { BudgetStore } from '../../apps/gateway/src/budgets/budget.store.js';
import { ExecutionStore, type ResolutionVerdict } from '../../apps/gateway/src/executions/execution.store.js';
import { Metrics } from '../../apps/gateway/src/metrics/metrics.js';
import { type BudgetFields, insertBudget } from '../factories/budget.js';
import type { TestDatabase } from './database.js';

export interface Run {
  workspaceId: string;
  agentId: string;
  model: string;
}

export interface AdmittedRun extends Run {
  id: string;
  nano: bigint;
}

/** The stores of one gateway, without its HTTP. */
interface Desk {
  policies: PolicyStore;
  admissions: AdmissionStore;
  executions: ExecutionStore;
}

/** One for all gateways, which would each register the gauges of their own process. */
class SharedMetrics extends Metrics {
  override gauge(): void {}
}

const METRICS = new SharedMetrics();
const USAGE = { input_tokens: 1, output_tokens: 1, cache_read_tokens: 0, cache_write_tokens: 0, reasoning_tokens: 0 };

/**
 * An organization of its own in a test database, with two workspaces and two agents. Its money moves through the stores
 * of several gateways, which share nothing but the database.
 */
export class LedgerFleet {
  readonly organizationId = newId();
  readonly workspaceIds = [newId(), newId()];
  readonly agentIds = [newId(), newId()];
  readonly database: TestDatabase['database'];
  private readonly desks: Desk[];
  private readonly budgets: BudgetStore;
  private turn = 0;

  constructor(db: Pick<TestDatabase, 'database'>, committers: ('batched' | 'inline')[]) {
    this.database = db.database;
    this.budgets = new BudgetStore(db.database);
    this.desks = committers.map((committer) => {
      const config = { admission: { committer, maxBatch: 8, maxBacklog: 1000 } } as HoustonConfig;
      return {
        policies: new PolicyStore(db.database),
        admissions: new AdmissionStore(db.database, config, METRICS),
        executions: new ExecutionStore(db.database, config),
      };
    });
  }

  async found(): Promise<void> {
    await this.database.statement('insert into organizations (id, name) values ($1, $2)', [
      this.organizationId,
      'fleet',
    ]);
    await this.database.inOrganization(this.organizationId, async (tx) => {
      for (const [n, id] of this.workspaceIds.entries()) {
        await tx.query('insert into workspaces (organization_id, id, slug, name) values ($1, $2, $3, $3)', [
          ...[tx.organizationId, id, `w${n}`],
        ]);
      }
      for (const [n, id] of this.agentIds.entries()) {
        await tx.query('insert into agents (organization_id, id, name) values ($1, $2, $3)', [
          ...[tx.organizationId, id, `a${n}`],
        ]);
      }
    });
  }

  openBudget(fields: BudgetFields): Promise<string> {
    return insertBudget({ ...this.where, workspaceId: this.workspaceIds[0]! }, fields);
  }

  /** Asks one of the gateways, each in turn. */
  async admit(run: Run, nano: bigint): Promise<{ id: string; judgement: Extract<Judgement, { kind: 'judged' }> }> {
    const desk = this.desk();
    const id = newId();
    for (let stale: string | undefined; ;) {
      const policy = await desk.policies.current(this.organizationId, stale);
      const budgetIds = policy.matcher.find({ ...run, provider: 'p', trigger: 'manual' });
      const judgement = await desk.admissions.admit({
        ...{ organizationId: this.organizationId, policyVersion: policy.version, budgetIds },
        ...{ amountNano: nano, mayExist: false },
        row: {
          ...{ workspace_id: run.workspaceId, id, denied_id: newId(), agent_id: run.agentId },
          ...{ model: run.model, provider: 'p', trigger: 'manual', hold_seconds: 900, created_by: 'test' },
        },
      });
      if (judgement.kind === 'judged') return { id, judgement };
      stale = policy.version;
    }
  }

  async report({ workspaceId, id }: AdmittedRun, costNano: bigint, tokens = 1): Promise<string> {
    const item = { workspace_id: workspaceId, id, actor: 'test', cost_nano: costNano.toString() };
    const { verdict } = await this.desk().executions.extend({
      ...{ organizationId: this.organizationId, item: { ...item, ...USAGE, input_tokens: tokens } },
    });
    return verdict;
  }

  async resolve({ workspaceId, id }: AdmittedRun, target: string, costNano?: bigint): Promise<ResolutionVerdict> {
    const digest = `${target} ${costNano}`;
    const item = { workspace_id: workspaceId, id, actor: 'test', target, digest, cost_nano: costNano?.toString() };
    const { verdict } = await this.desk().executions.resolve({ organizationId: this.organizationId, item });
    return verdict;
  }

  /** Lets the hold's time pass, and frees a few that are over. */
  async lapse({ workspaceId, id }: AdmittedRun): Promise<void> {
    await this.database.inOrganization(this.organizationId, (tx) =>
      tx.query(
        `update executions set hold_expires_at = now() where workspace_id = $1 and id = $2 and status = 'admitted'`,
        [workspaceId, id],
      ),
    );
    await this.database.statement('select expire_holds($1, 3)', [this.organizationId]);
  }

  async record(runs: (Run & { costNano: bigint; daysAgo: number; externalId: string })[]): Promise<void> {
    const desk = this.desk();
    for (let stale: string | undefined; ;) {
      const policy = await desk.policies.current(this.organizationId, stale);
      const items = runs.map(({ workspaceId, agentId, model, costNano, daysAgo, externalId }) => ({
        ...{ workspace_id: workspaceId, id: newId(), external_id: externalId, status: 'succeeded', agent_id: agentId },
        ...{ model, provider: 'p', trigger: 'manual', cost_nano: costNano.toString(), ...USAGE, created_by: 'test' },
        started_at: new Date(Date.now() - daysAgo * 86_400_000).toISOString(),
        budget_ids: policy.matcher.find({ workspaceId, agentId, model, provider: 'p', trigger: 'manual' }),
      }));
      if (await desk.executions.record(this.organizationId, policy.version, items)) return;
      stale = policy.version;
    }
  }

  /** As PATCH /api/budgets/{id} does it. @param beforeCommit runs when all is done and nobody can see it yet */
  changeLimit(id: string, limitNano: bigint, beforeCommit?: () => Promise<void>): Promise<void> {
    return this.changing(async (tx) => {
      await this.budgets.change(tx, id, { limitNano });
      await this.budgets.rearm(tx, id);
      await beforeCommit?.();
    });
  }

  setFrozen(id: string, frozen: boolean): Promise<void> {
    return this.changing((tx) =>
      frozen ? this.budgets.freeze(tx, id, 'test', 'test') : this.budgets.thaw(tx, id, 'test'),
    );
  }

  get where() {
    return { database: this.database, organizationId: this.organizationId };
  }

  private changing(act: (tx: Parameters<BudgetStore['lockMoney']>[0]) => Promise<void>): Promise<void> {
    return this.database.inOrganization(this.organizationId, async (tx) => {
      await this.budgets.lockMoney(tx);
      await act(tx);
    });
  }

  private desk(): Desk {
    this.turn += 1;
    return this.desks[this.turn % this.desks.length]!;
  }
}
