import { createHash } from 'node:crypto';
import { Inject, Injectable } from '@nestjs/common';
import { LRUCache } from 'lru-cache';
import { formatUsd } from '@houston/common/domain/money.js';
import { normaliseUsage, type Usage } from '@houston/common/domain/usage.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Pricer, type Priced } from '../admission/pricer.js';
import type { Caller } from '../http/caller.js';
import { notFound, Problem } from '../http/problem.js';
import type { CompleteExecutionDto } from './execution.dto.js';
import type { ExecutionRow } from './execution.row.js';
import {
  type Changed,
  type ExecutionChange,
  ExecutionStore,
  type ResolutionVerdict,
  type RunFacts,
} from './execution.store.js';
import { type ContinueView, type ExecutionView, executionView } from './execution.view.js';

const REMEMBERED = 50_000;

/** What becomes of an admitted execution: reports on the way, one outcome, or a cancellation. */
@Injectable()
export class ExecutionService {
  /** Facts never change, so remembering them is safe. */
  private readonly facts = new LRUCache<string, RunFacts>({ max: REMEMBERED });

  constructor(
    @Inject(ExecutionStore) private readonly store: ExecutionStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(Pricer) private readonly pricer: Pricer,
  ) {}

  /** Spares the next call about this execution a look into the database. */
  remember(workspaceId: string, id: string, facts: RunFacts): void {
    this.facts.set(`${workspaceId} ${id}`, facts);
  }

  async view(caller: Caller, id: string): Promise<ExecutionView> {
    const row = await this.store.find(caller, id);
    if (!row) throw notFound();
    return this.viewOf(caller, row);
  }

  /** Cumulative usage of a running execution. */
  async report(caller: Caller, id: string, rawUsage: Record<string, unknown>): Promise<ContinueView> {
    const usage = usageOf(rawUsage);
    const cost = await this.costOf(caller, id, usage);
    const { verdict, execution } = await this.store.extend(
      change(caller, id, { cost_nano: cost.nano.toString(), ...usageColumns(usage), price_settled: cost.provenance }),
    );
    if (verdict === 'missing' || execution === null) throw notFound();
    const costUsd = formatUsd(BigInt(execution.cost_nano ?? 0));
    const heldUsd = formatUsd(BigInt(execution.held_nano));
    switch (verdict) {
      case 'continued':
        return { continue: true, costUsd, heldUsd };
      case 'budget_exceeded':
      case 'budget_frozen':
      case 'cancelled':
      case 'expired':
        return { continue: false, costUsd, heldUsd, reason: verdict };
      case 'settled':
      case 'denied':
        throw new Problem('execution_not_running', {
          detail: `Its status is ${execution.status}.`,
          extensions: { executionStatus: execution.status },
        });
      case 'decreased':
        throw new Problem('invalid_values', {
          detail: 'usage: Usage is cumulative: it cannot be less than what was reported before.',
          errors: [
            {
              path: 'usage',
              message: `Reported before: ${execution.input_tokens} input and ${execution.output_tokens} output tokens.`,
            },
          ],
        });
    }
  }

  async complete(caller: Caller, id: string, outcome: CompleteExecutionDto): Promise<ExecutionView> {
    const usage = outcome.usage === undefined ? undefined : usageOf(outcome.usage);
    if (usage !== undefined && outcome.costUsd !== undefined) {
      throw new Problem('invalid_values', {
        detail: 'usage, costUsd: Send one of the two.',
        errors: [{ path: 'costUsd', message: 'Send usage and let Houston price it, or costUsd: not both.' }],
      });
    }
    const cost = usage === undefined ? statedCost(outcome) : await this.costOf(caller, id, usage);
    return this.resolve(caller, id, {
      target: outcome.status,
      digest: digestOf(outcome, usage),
      cost_nano: cost?.nano.toString(),
      price_settled: cost?.provenance,
      ...(usage === undefined ? {} : usageColumns(usage)),
      reported_nano: outcome.reportedCostUsd?.toString(),
      duration_ms: outcome.durationMs,
      error: outcome.error,
      summary: outcome.summary,
    });
  }

  /** Gives the rest of the hold back; what the run has reported so far is spent. */
  cancel(caller: Caller, id: string): Promise<ExecutionView> {
    return this.resolve(caller, id, { target: 'cancelled', digest: 'cancel' });
  }

  private async resolve(caller: Caller, id: string, columns: Record<string, unknown>): Promise<ExecutionView> {
    if (caller.agentId !== null) await this.factsOf(caller, id);
    return this.answer(caller, await this.store.resolve(change(caller, id, columns)));
  }

  private answer(caller: Caller, { verdict, execution }: Changed<ResolutionVerdict>): Promise<ExecutionView> {
    if (verdict === 'missing' || execution === null) throw notFound();
    switch (verdict) {
      case 'resolved':
      case 'late':
      case 'repeated':
        return this.viewOf(caller, execution);
      case 'conflict':
        throw new Problem('completion_conflict', {
          detail: `It was completed as ${execution.status} with other figures; the first answer stands.`,
          extensions: { executionStatus: execution.status },
        });
      case 'denied':
        throw new Problem('execution_not_running', {
          detail: 'It was denied and never ran.',
          extensions: { executionStatus: 'denied' },
        });
      case 'usage_required':
        throw new Problem('usage_required', {
          detail: 'Send usage or costUsd; "0" if it cost nothing.',
          errors: [{ path: 'usage', message: 'A success needs usage or costUsd.' }],
        });
    }
  }

  private async costOf(caller: Caller, id: string, usage: Usage): Promise<Priced> {
    const { model, provider } = await this.factsOf(caller, id);
    return this.pricer.cost(caller, { workspaceId: caller.workspaceId, model, provider }, usage);
  }

  /** A key that is bound to an agent finds that agent's executions only. */
  private async factsOf(caller: Caller, id: string): Promise<RunFacts> {
    const key = `${caller.workspaceId} ${id}`;
    let facts = this.facts.get(key);
    if (!facts) {
      facts = (await this.store.facts(caller, id)) ?? undefined;
      if (!facts) throw notFound();
      this.facts.set(key, facts);
    }
    if (caller.agentId !== null && caller.agentId !== facts.agentId) {
      throw new Problem('forbidden', { detail: 'This key is bound to another agent.' });
    }
    return facts;
  }

  private async viewOf(caller: Caller, row: ExecutionRow): Promise<ExecutionView> {
    return executionView(row, await this.agents.names(caller.organizationId, [row.agent_id]));
  }
}

function change(caller: Caller, id: string, columns: Record<string, unknown>): ExecutionChange {
  return {
    organizationId: caller.organizationId,
    item: { ...columns, workspace_id: caller.workspaceId, id, actor: caller.actor },
  };
}

/** @throws Problem invalid_values naming every bad field */
export function usageOf(raw: Record<string, unknown>, at = 'usage'): Usage {
  const read = normaliseUsage(raw);
  if (read.ok) return read.usage;
  const errors = read.faults.map((fault) => ({
    path: fault.path === '' ? at : `${at}.${fault.path}`,
    message: fault.message,
  }));
  throw new Problem('invalid_values', {
    detail: errors.map((error) => `${error.path}: ${error.message}`).join('; '),
    errors,
  });
}

export function usageColumns(usage: Usage): Record<string, number> {
  return {
    input_tokens: usage.inputTokens,
    output_tokens: usage.outputTokens,
    cache_read_tokens: usage.cacheReadTokens,
    cache_write_tokens: usage.cacheWriteTokens,
    reasoning_tokens: usage.reasoningTokens,
  };
}

function statedCost(outcome: CompleteExecutionDto): Priced | undefined {
  if (outcome.costUsd !== undefined) return { nano: outcome.costUsd, provenance: { source: 'stated' } };
  return undefined;
}

/** Two answers are the same when they say the same, however they spell it. */
function digestOf(outcome: CompleteExecutionDto, usage: Usage | undefined): string {
  const said = [
    outcome.status,
    usage ?? null,
    outcome.costUsd?.toString() ?? null,
    outcome.reportedCostUsd?.toString() ?? null,
    outcome.durationMs ?? null,
    outcome.error ?? null,
    outcome.summary ?? null,
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}
