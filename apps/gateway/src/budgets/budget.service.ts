import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { sqlState } from '@houston/common/db/postgres-error.js';
import { modelPatternProblem } from '@houston/common/domain/budget-scope.js';
import { formatUsd } from '@houston/common/domain/money.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { requireOrganizationKey } from '../http/reach.js';
import type { BudgetScopeDto, CreateBudgetDto, UpdateBudgetDto } from './budget.dto.js';
import type { BudgetRow } from './budget.row.js';
import { type BudgetChange, BudgetStore, type NewBudget } from './budget.store.js';
import { isoWeekDay } from './week-start.js';

const UNKNOWN_TIME_ZONE = '22023';

/** What people do to budgets. Each change holds the money lock, so that no run is admitted while it takes effect. */
@Injectable()
export class BudgetService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(BudgetStore) private readonly store: BudgetStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  /** @throws Problem not_found */
  async find(caller: Caller, id: string): Promise<BudgetRow> {
    const row = await this.db.inWorkspace(caller, (tx) => this.store.find(tx, caller, id));
    if (!row) throw notFound();
    return row;
  }

  /** @throws Problem forbidden, unknown_agent, invalid_values */
  async create(caller: Caller, body: CreateBudgetDto, id: CreationId): Promise<BudgetRow> {
    if (body.level === 'organization') {
      requireOrganizationKey(caller, 'A budget of the whole organization needs a key that is bound to no workspace.');
    }
    const budget = { ...budgetOf(caller, body, id), agentId: await this.agentIdOf(caller, body.scope) };
    return this.changing(caller, async (tx) => {
      if (!id.mayExist || !(await this.store.find(tx, caller, budget.id))) await this.open(tx, caller, budget, body);
      return this.present(tx, caller, budget.id);
    });
  }

  /** @throws Problem not_found, forbidden, precondition_failed */
  update(caller: Caller, id: string, body: UpdateBudgetDto, ifMatch: string | undefined): Promise<BudgetRow> {
    return this.changing(caller, async (tx) => {
      const before = await this.own(tx, caller, id, ifMatch);
      const change = changeOf(before, body);
      if (Object.keys(change).length === 0) return before;
      await this.store.change(tx, id, change);
      await this.note(tx, caller, before, change);
      if (change.limitNano !== undefined || change.thresholds !== undefined) await this.store.rearm(tx, id);
      return this.present(tx, caller, id);
    });
  }

  /** Freezing what is frozen changes nothing: the first reason stands. @throws Problem not_found, forbidden */
  freeze(caller: Caller, id: string, reason: string): Promise<BudgetRow> {
    return this.changing(caller, async (tx) => {
      const before = await this.own(tx, caller, id);
      if (before.frozen_at !== null) return before;
      await this.store.freeze(tx, id, reason, caller.actor);
      return this.present(tx, caller, id);
    });
  }

  /** @throws Problem not_found, forbidden */
  unfreeze(caller: Caller, id: string): Promise<BudgetRow> {
    return this.changing(caller, async (tx) => {
      const before = await this.own(tx, caller, id);
      if (before.frozen_at === null) return before;
      await this.store.thaw(tx, id, caller.actor);
      return this.present(tx, caller, id);
    });
  }

  /** @throws Problem not_found, forbidden, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.changing(caller, async (tx) => {
      const before = await this.own(tx, caller, id, ifMatch);
      await this.store.remove(tx, id);
      await this.append(tx, caller, 'budget.deleted', before, { limitUsd: formatUsd(BigInt(before.limit_nano)) });
    });
  }

  /** Over the whole organization, because a budget of the organization looks at the runs of every workspace. */
  private changing<T>(caller: Caller, act: (tx: Tx) => Promise<T>): Promise<T> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      await this.store.lockMoney(tx);
      return act(tx);
    });
  }

  /** The budget, if the caller may change it. */
  private async own(tx: Tx, caller: Caller, id: string, ifMatch?: string): Promise<BudgetRow> {
    const row = await this.present(tx, caller, id);
    if (row.workspace_id === null) {
      requireOrganizationKey(caller, 'This budget is the whole organization’s; your key is bound to one workspace.');
    }
    requireMatch(ifMatch, row.version);
    return row;
  }

  private async present(tx: Tx, caller: Caller, id: string): Promise<BudgetRow> {
    const row = await this.store.find(tx, caller, id);
    if (!row) throw notFound();
    return row;
  }

  private async open(tx: Tx, caller: Caller, budget: NewBudget, body: CreateBudgetDto): Promise<void> {
    const { id, name, period, timezone, workspaceId, mode, thresholds } = budget;
    await appendEvent(tx, {
      type: 'budget.created',
      actor: caller.actor,
      subject: `budget:${id}`,
      workspaceId,
      data: {
        ...{ budgetId: id, name, limitUsd: formatUsd(budget.limitNano), period, timezone, level: body.level },
        ...{ scope: { ...body.scope }, mode, thresholds },
      },
    });
    try {
      await this.store.create(tx, budget, caller.actor);
    } catch (error) {
      if (sqlState(error) === UNKNOWN_TIME_ZONE) throw invalid('timezone', 'The database does not know this zone.');
      throw error;
    }
  }

  private async note(tx: Tx, caller: Caller, before: BudgetRow, change: BudgetChange): Promise<void> {
    const { limitNano, ...rest } = change;
    if (limitNano !== undefined) {
      const raised = raisedNano(before);
      const from = formatUsd(BigInt(before.limit_nano) - raised);
      await this.append(tx, caller, 'budget.limit_changed', before, { from, to: formatUsd(limitNano - raised) });
    }
    if (Object.keys(rest).length > 0) await this.append(tx, caller, 'budget.updated', before, { changed: rest });
  }

  private async append(
    tx: Tx,
    caller: Caller,
    type: string,
    { id, name, workspace_id }: BudgetRow,
    data: Record<string, unknown>,
  ): Promise<void> {
    await appendEvent(tx, {
      ...{ type, actor: caller.actor, subject: `budget:${id}`, workspaceId: workspace_id },
      data: { budgetId: id, name, ...data },
    });
  }

  private async agentIdOf(caller: Caller, { agent }: BudgetScopeDto): Promise<string | null> {
    if (agent === undefined) return null;
    const known = await this.agents.find(caller.organizationId, agent);
    if (known) return known.id;
    const message = 'No agent has this name or id. Create it with POST /api/agents.';
    throw new Problem('unknown_agent', {
      detail: `scope.agent: ${message}`,
      errors: [{ path: 'scope.agent', message }],
    });
  }
}

function budgetOf(caller: Caller, body: CreateBudgetDto, { id }: CreationId): Omit<NewBudget, 'agentId'> {
  const { model, provider, trigger, tag } = body.scope;
  const patternProblem = model === undefined ? null : modelPatternProblem(model);
  if (patternProblem !== null) throw invalid('scope.model', patternProblem);
  return {
    organizationId: caller.organizationId,
    workspaceId: body.level === 'organization' ? null : caller.workspaceId,
    id,
    name: body.name,
    limitNano: body.limitUsd,
    period: body.period,
    timezone: body.timezone ?? caller.workspace.timezone,
    weekStart: isoWeekDay(body.weekStart),
    model: model ?? null,
    provider: provider ?? null,
    trigger: trigger ?? null,
    tags: tag !== undefined && Object.keys(tag).length > 0 ? tag : null,
    mode: body.mode,
    thresholds: ascending(body.thresholds),
  };
}

/** Only what really differs: a change to the same value is none. */
function changeOf(before: BudgetRow, body: UpdateBudgetDto): BudgetChange {
  const limitNano = limitOf(before, body);
  const thresholds = body.thresholds && ascending(body.thresholds);
  return {
    ...(body.name !== undefined && body.name !== before.name ? { name: body.name } : {}),
    ...(limitNano !== undefined && limitNano !== BigInt(before.limit_nano) ? { limitNano } : {}),
    ...(body.mode !== undefined && body.mode !== before.mode ? { mode: body.mode } : {}),
    ...(thresholds && thresholds.join() !== before.thresholds.join() ? { thresholds } : {}),
  };
}

/**
 * While a budget is raised a new limit is the one without the raises, which come on top and are taken back on their own.
 * Whoever sends the figure back that they have read, raises included, changes nothing.
 */
function limitOf(before: BudgetRow, { limitUsd }: UpdateBudgetDto): bigint | undefined {
  if (limitUsd === undefined || limitUsd === BigInt(before.limit_nano)) return limitUsd;
  return limitUsd + raisedNano(before);
}

function raisedNano({ raises }: BudgetRow): bigint {
  return raises.reduce((sum, { amountNano }) => sum + BigInt(amountNano), 0n);
}

function ascending(thresholds: number[]): number[] {
  return [...thresholds].sort((a, b) => a - b);
}
