import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { CONFIG } from '@houston/common/config/config.module.js';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import { BatchedCommitter, type Committer, InlineCommitter } from '@houston/common/db/group-commit.js';
import { isDataFault } from '@houston/common/db/postgres-error.js';
import { Metrics } from '../metrics/metrics.js';

/** One run that asks to be admitted, priced and matched. */
export interface AdmissionRequest {
  organizationId: string;
  policyVersion: string;
  /** Ids of all budgets that match it, ascending. */
  budgetIds: string[];
  amountNano: bigint;
  /** A retried request, whose id an earlier attempt may have written. */
  mayExist: boolean;
  /** The rest of the row to write, in the column names of admit.sql. */
  row: Record<string, unknown>;
}

/** What a budget covers and how it refuses. */
export interface BudgetTerms {
  workspaceId: string | null;
  agentId: string | null;
  model: string | null;
  provider: string | null;
  trigger: string | null;
  tags: Record<string, string> | null;
  mode: 'enforce' | 'observe';
  frozenReason: string | null;
  windowEnd: string | null;
}

/** A budget's figures as the judged batch found them. */
export interface JudgedBudget {
  id: string;
  name: string;
  limitNano: bigint;
  spentNano: bigint;
  /** Null where the whole batch was admitted: then nobody asks. */
  terms: BudgetTerms | null;
}

/** A budget as one run left it. */
export interface AdmissionLeg {
  budget: JudgedBudget;
  heldNano: bigint;
}

export type Verdict = 'admitted' | 'budget_exceeded' | 'budget_frozen' | 'existing';

export type Judgement =
  | { kind: 'stale' }
  | { kind: 'judged'; verdict: Verdict; judgedAt: Date; legs: AdmissionLeg[]; binding: AdmissionLeg | null };

interface AdmitRow {
  stale: boolean;
  judged_at: Date;
  names: string[] | null;
  limits: string[] | null;
  spent: string[] | null;
  held: string[] | null;
  /** These four are null when all are admitted. */
  terms: BudgetTerms[] | null;
  verdicts: Verdict[] | null;
  bindings: number[] | null;
  held_after: string[] | null;
}

/** What a budget would have to say about one more run, right now. */
export interface BudgetRoom {
  id: string;
  name: string;
  mode: 'enforce' | 'observe';
  frozen: boolean;
  availableNano: bigint;
}

const MAX_ORGANIZATIONS = 1_000;

/** Commits admissions, a batch per organization at a time. */
@Injectable()
export class AdmissionStore implements OnApplicationShutdown {
  private readonly committers = new LRUCache<string, Committer<AdmissionRequest, Judgement>>({
    max: MAX_ORGANIZATIONS,
  });

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(CONFIG) private readonly config: HoustonConfig,
    @Inject(Metrics) private readonly metrics: Metrics,
  ) {
    metrics.gauge('houston_admission_backlog', 'Admissions that wait for a commit', () =>
      [...this.committers.values()].reduce((sum, committer) => sum + committer.waiting, 0),
    );
  }

  admit(request: AdmissionRequest): Promise<Judgement> {
    return this.committerOf(request.organizationId).commit(request);
  }

  /** The present room of budgets, read without locking or promising anything. */
  async room(scope: WorkspaceScope, budgetIds: string[]): Promise<BudgetRoom[]> {
    const rows = await this.db.inWorkspace(scope, (tx) =>
      tx.query<Omit<BudgetRoom, 'availableNano'> & { available_nano: string }>(
        `select b.id, b.name, b.mode, b.frozen_at is not null as frozen,
                b.limit_nano - coalesce(w.spent_nano, 0) - coalesce(w.held_nano, 0) as available_nano
           from budgets b
          cross join lateral budget_window(b.period, b.timezone, b.week_start, now()) c
           left join budget_windows w on w.budget_id = b.id and w.window_start = c.window_start
          where b.id = any($1::uuid[]) order by b.id`,
        [budgetIds],
      ),
    );
    return rows.map(({ available_nano, ...room }) => ({ ...room, availableNano: BigInt(available_nano) }));
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([...this.committers.values()].map((committer) => committer.close()));
  }

  private committerOf(organizationId: string): Committer<AdmissionRequest, Judgement> {
    const known = this.committers.get(organizationId);
    if (known) return known;
    const { committer, maxBatch, maxBacklog } = this.config.admission;
    const run = (requests: AdmissionRequest[]) => this.admitBatch(organizationId, requests);
    const onBatch = (size: number, waitedMs: number) => this.metrics.batchCommitted(size, waitedMs);
    const created =
      committer === 'inline'
        ? new InlineCommitter({ run, maxBacklog })
        : new BatchedCommitter({
            run,
            maxBatch,
            maxBacklog,
            isIsolated: isDataFault,
            conflictKey,
            onBatch,
          });
    this.committers.set(organizationId, created);
    return created;
  }

  private async admitBatch(organizationId: string, requests: AdmissionRequest[]): Promise<Judgement[]> {
    const budgetIds = [...new Set(requests.flatMap((request) => request.budgetIds))].sort();
    const indexOf = new Map(budgetIds.map((id, index) => [id, index]));
    const legs = requests.map((request) => request.budgetIds.map((id) => indexOf.get(id)!));
    const asked = budgetIds.map(() => 0n);
    requests.forEach(({ amountNano }, n) => legs[n]!.forEach((leg) => (asked[leg]! += amountNano)));
    const oldest = requests
      .map((request) => BigInt(request.policyVersion))
      .reduce((least, version) => (version < least ? version : least));
    const [answer] = await this.db.statement<AdmitRow>('select * from admit_executions($1, $2, $3, $4, $5, $6)', [
      organizationId,
      oldest.toString(),
      budgetIds,
      asked.map(String),
      JSON.stringify(requests.map((request, n) => rowOf(request, legs[n]!))),
      requests.some((request) => request.mayExist),
    ]);
    if (!answer || answer.stale) return requests.map(() => ({ kind: 'stale' }));
    this.metrics.judged(answer.verdicts ?? requests.map(() => 'admitted'));
    return judgements(answer, requests, budgetIds, legs);
  }
}

function rowOf({ row, amountNano, mayExist }: AdmissionRequest, legs: number[]): Record<string, unknown> {
  return { ...row, requested_nano: amountNano.toString(), may_exist: mayExist, legs: legs.map((leg) => leg + 1) };
}

/** Attempts of the same request must not be judged side by side: the second has to find what the first wrote. */
function conflictKey(request: AdmissionRequest): string | null {
  return request.mayExist ? String(request.row.id) : null;
}

function judgements(
  answer: AdmitRow,
  requests: readonly AdmissionRequest[],
  budgetIds: readonly string[],
  legs: readonly number[][],
): Judgement[] {
  const budgets = budgetIds.map((id, n) => ({
    id,
    name: answer.names![n]!,
    limitNano: BigInt(answer.limits![n]!),
    spentNano: BigInt(answer.spent![n]!),
    terms: answer.terms?.[n] ?? null,
  }));
  const held = (answer.held ?? []).map(BigInt);
  const { judged_at: judgedAt, verdicts, bindings, held_after: heldAfter } = answer;
  let leg = 0;
  return legs.map((own, n) => {
    const judged = own.map((budget) => {
      const heldNano = heldAfter === null ? (held[budget]! += requests[n]!.amountNano) : BigInt(heldAfter[leg++]!);
      return { budget: budgets[budget]!, heldNano };
    });
    const binding = bindings === null || bindings[n] === 0 ? null : judged[own.indexOf(bindings[n]! - 1)]!;
    return { kind: 'judged', verdict: verdicts === null ? 'admitted' : verdicts[n]!, judgedAt, legs: judged, binding };
  });
}
