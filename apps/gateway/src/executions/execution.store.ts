import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import { BatchedCommitter, type Committer, InlineCommitter } from '@houston/common/db/group-commit.js';
import { isDataFault } from '@houston/common/db/postgres-error.js';
import type { ExecutionRow } from './execution.row.js';

/** A change of one running execution, in the column names of resolve.sql and extend.sql. */
export interface ExecutionChange {
  organizationId: string;
  item: { workspace_id: string; id: string; [column: string]: unknown };
}

export interface Changed<Verdict extends string> {
  verdict: Verdict;
  /** As it is now; null when it is missing. */
  execution: ExecutionRow | null;
}

export type ResolutionVerdict = 'resolved' | 'late' | 'repeated' | 'conflict' | 'denied' | 'usage_required' | 'missing';
export type ExtensionVerdict =
  | 'continued'
  | 'budget_exceeded'
  | 'budget_frozen'
  | 'cancelled'
  | 'expired'
  | 'settled'
  | 'decreased'
  | 'denied'
  | 'missing';

/** What an execution was admitted as. */
export interface RunFacts {
  agentId: string;
  model: string;
  provider: string;
}

export interface ExecutionFilter {
  agentId?: string;
  model?: string;
  provider?: string;
  status?: string;
  trigger?: string;
  taskId?: string;
  from?: string;
  to?: string;
  tags?: Record<string, string>;
  /** startedAt (microseconds as text) and id of the last row of the page before. */
  after: string[] | null;
  limit: number;
}

/** Reads executions, and commits their settlements and usage reports in groups. */
@Injectable()
export class ExecutionStore implements OnApplicationShutdown {
  private readonly resolutions: Committer<ExecutionChange, Changed<ResolutionVerdict>>;
  private readonly extensions: Committer<ExecutionChange, Changed<ExtensionVerdict>>;
  private readonly lookups: Committer<WorkspaceScope & { id: string }, RunFacts | null>;

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(CONFIG) config: HoustonConfig,
  ) {
    this.resolutions = this.committer<ResolutionVerdict>(config, 'resolve_executions');
    this.extensions = this.committer<ExtensionVerdict>(config, 'extend_holds');
    const { maxBatch, maxBacklog } = config.admission;
    this.lookups = new BatchedCommitter({ run: (asked) => this.lookUp(asked), maxBatch, maxBacklog });
  }

  resolve(change: ExecutionChange): Promise<Changed<ResolutionVerdict>> {
    return this.resolutions.commit(change);
  }

  extend(change: ExecutionChange): Promise<Changed<ExtensionVerdict>> {
    return this.extensions.commit(change);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.resolutions.close(), this.extensions.close(), this.lookups.close()]);
  }

  /** Null when there is no such execution. Requests that arrive together share one lookup. */
  facts({ organizationId, workspaceId }: WorkspaceScope, id: string): Promise<RunFacts | null> {
    return this.lookups.commit({ organizationId, workspaceId, id });
  }

  async find(scope: WorkspaceScope, id: string): Promise<ExecutionRow | null> {
    const [row] = await this.db.inWorkspace(scope, (tx) =>
      tx.query<ExecutionRow>('select * from executions where workspace_id = $1 and id = $2', [scope.workspaceId, id]),
    );
    return row ?? null;
  }

  /** Newest first. `sort_key` is the exact start, for the cursor. */
  list(scope: WorkspaceScope, filter: ExecutionFilter): Promise<(ExecutionRow & { sort_key: string })[]> {
    const [afterStart, afterId] = filter.after ?? [null, null];
    return this.db.inWorkspace(scope, (tx) =>
      tx.query(
        `select *, (extract(epoch from started_at) * 1000000)::bigint::text as sort_key from executions
          where workspace_id = $1
            and ($2::uuid is null or agent_id = $2) and ($3::text is null or model = $3) and ($4::text is null or provider = $4)
            and ($5::text is null or status = $5) and ($6::text is null or trigger = $6) and ($7::text is null or task_id = $7)
            and ($8::timestamptz is null or started_at >= $8) and ($9::timestamptz is null or started_at < $9)
            and ($10::jsonb is null or tags @> $10)
            and ($11::bigint is null or (started_at, id) < (timestamptz 'epoch' + $11 * interval '1 microsecond', $12::uuid))
          order by started_at desc, id desc limit $13`,
        [
          scope.workspaceId,
          filter.agentId ?? null,
          filter.model ?? null,
          filter.provider ?? null,
          filter.status ?? null,
          filter.trigger ?? null,
          filter.taskId ?? null,
          filter.from ?? null,
          filter.to ?? null,
          filter.tags ? JSON.stringify(filter.tags) : null,
          afterStart,
          afterId,
          filter.limit + 1,
        ],
      ),
    );
  }

  /** Puts finished executions on record; null when the policy they were matched with is out of date. */
  async record(
    organizationId: string,
    policyVersion: string,
    items: Record<string, unknown>[],
  ): Promise<{ verdict: 'recorded' | 'duplicate'; id: string | null }[] | null> {
    const rows = await this.db.statement<{ verdict: 'recorded' | 'duplicate' | 'stale'; id: string | null }>(
      'select * from record_executions($1, $2, $3)',
      [organizationId, policyVersion, JSON.stringify(items)],
    );
    const recorded = rows.flatMap(({ verdict, id }) => (verdict === 'stale' ? [] : [{ verdict, id }]));
    return recorded.length === rows.length ? recorded : null;
  }

  async idsByExternalId(scope: WorkspaceScope, externalIds: string[]): Promise<Map<string, string>> {
    const rows = await this.db.inWorkspace(scope, (tx) =>
      tx.query<{ external_id: string; id: string }>(
        'select external_id, id from executions where workspace_id = $1 and external_id = any($2)',
        [scope.workspaceId, externalIds],
      ),
    );
    return new Map(rows.map((row) => [row.external_id, row.id]));
  }

  private async lookUp(asked: (WorkspaceScope & { id: string })[]): Promise<(RunFacts | null)[]> {
    const found = new Map<string, RunFacts>();
    for (const organizationId of new Set(asked.map((one) => one.organizationId))) {
      const own = asked.filter((one) => one.organizationId === organizationId);
      const rows = await this.db.statement<
        Pick<ExecutionRow, 'workspace_id' | 'id' | 'agent_id' | 'model' | 'provider'>
      >('select * from run_facts($1, $2, $3)', [
        organizationId,
        own.map((one) => one.workspaceId),
        own.map((one) => one.id),
      ]);
      for (const { workspace_id, id, agent_id, model, provider } of rows)
        found.set(`${workspace_id} ${id}`, { agentId: agent_id, model, provider });
    }
    return asked.map(({ workspaceId, id }) => found.get(`${workspaceId} ${id}`) ?? null);
  }

  private committer<Verdict extends string>(
    config: HoustonConfig,
    sqlFunction: string,
  ): Committer<ExecutionChange, Changed<Verdict>> {
    const { committer, maxBatch, maxBacklog } = config.admission;
    const run = (changes: ExecutionChange[]) => this.change<Verdict>(sqlFunction, changes);
    if (committer === 'inline') return new InlineCommitter({ run, maxBacklog });
    const conflictKey = ({ item }: ExecutionChange) => `${item.workspace_id} ${item.id}`;
    return new BatchedCommitter({ run, maxBatch, maxBacklog, conflictKey, isIsolated: isDataFault });
  }

  /** One call per organization; a batch of several organizations is rare. */
  private async change<Verdict extends string>(
    sqlFunction: string,
    changes: ExecutionChange[],
  ): Promise<Changed<Verdict>[]> {
    const answers = new Array<Changed<Verdict>>(changes.length);
    for (const organizationId of new Set(changes.map((change) => change.organizationId))) {
      const own = changes.flatMap((change, index) => (change.organizationId === organizationId ? [index] : []));
      const rows = await this.db.statement<ExecutionRow & { verdict: Verdict }>(
        `select r.verdict, (r.execution).* from ${sqlFunction}($1, $2) r`,
        [organizationId, JSON.stringify(own.map((index) => changes[index]!.item))],
      );
      own.forEach((index, n) => {
        const { verdict, ...execution } = rows[n]!;
        answers[index] = { verdict, execution: execution.id === null ? null : execution };
      });
    }
    return answers;
  }
}
