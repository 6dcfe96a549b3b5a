import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { AdmissionService } from '../admission/admission.service.js';
import { type Policy, PolicyStore } from '../admission/policy.store.js';
import { Pricer, type Priced } from '../admission/pricer.js';
import type { Caller } from '../http/caller.js';
import { invalid, Problem } from '../http/problem.js';
import type { RecordedExecutionDto } from './execution.dto.js';
import { usageColumns, usageOf } from './execution.service.js';
import { ExecutionStore } from './execution.store.js';
import type { RecordedView } from './execution.view.js';

const MAX_ATTEMPTS = 10;
const CLOCK_TOLERANCE_MS = 5 * 60_000;

/** Puts executions on record that ran elsewhere and are over. */
@Injectable()
export class RecordService {
  constructor(
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(AdmissionService) private readonly admission: AdmissionService,
    @Inject(Pricer) private readonly pricer: Pricer,
    @Inject(ExecutionStore) private readonly store: ExecutionStore,
  ) {}

  async record(caller: Caller, items: RecordedExecutionDto[]): Promise<RecordedView> {
    const firsts = [...new Map(items.toReversed().map((item) => [item.externalId, item])).values()].toReversed();
    let stale: string | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const policy = await this.policies.currentFor(caller, stale);
      const rows: Record<string, unknown>[] = [];
      for (const item of firsts) rows.push(await this.rowOf(caller, item, items.indexOf(item), policy));
      const answers = await this.store.record(caller.organizationId, policy.version, rows);
      if (answers) return this.viewOf(caller, items, firsts, answers);
      stale = policy.version;
    }
    throw new Problem('unavailable', { detail: 'Budgets are changing too fast; try again.', retryAfterSeconds: 1 });
  }

  private async rowOf(
    caller: Caller,
    item: RecordedExecutionDto,
    index: number,
    policy: Policy,
  ): Promise<Record<string, unknown>> {
    const at = `items[${index}]`;
    const times = timesOf(item, at);
    const agent = await this.admission.agentOf(caller, item.agent, policy);
    const model = { workspaceId: caller.workspaceId, model: item.model, provider: item.provider ?? null };
    const { provider } = this.pricer.price(policy, model);
    const usage = item.usage === undefined ? null : usageOf(item.usage, `${at}.usage`);
    const cost = await this.costOf(caller, item, usage, model, at);
    return {
      workspace_id: caller.workspaceId,
      id: newId(),
      external_id: item.externalId,
      status: item.status,
      agent_id: agent.id,
      model: item.model,
      provider,
      trigger: item.trigger,
      task_id: item.taskId,
      parent_id: item.parentId,
      tags: item.tags,
      metadata: item.metadata,
      cost_nano: cost.nano.toString(),
      price_settled: cost.provenance,
      reported_nano: item.reportedCostUsd?.toString(),
      ...usageColumns(
        usage ?? { inputTokens: 0, outputTokens: 0, cacheReadTokens: 0, cacheWriteTokens: 0, reasoningTokens: 0 },
      ),
      started_at: times.startedAt.toISOString(),
      ended_at: times.endedAt.toISOString(),
      duration_ms: item.durationMs ?? times.endedAt.getTime() - times.startedAt.getTime(),
      error: item.error,
      summary: item.summary,
      created_by: caller.actor,
      budget_ids: policy.matcher.find({
        workspaceId: caller.workspaceId,
        agentId: agent.id,
        model: item.model,
        provider,
        trigger: item.trigger,
        tags: item.tags,
      }),
    };
  }

  private async costOf(
    caller: Caller,
    item: RecordedExecutionDto,
    usage: ReturnType<typeof usageOf> | null,
    model: { workspaceId: string; model: string; provider: string | null },
    at: string,
  ): Promise<Priced> {
    if (item.costUsd !== undefined && usage !== null)
      throw invalid(`${at}.costUsd`, 'Send usage or costUsd, not both.');
    if (item.costUsd !== undefined) return { nano: item.costUsd, provenance: { source: 'stated' } };
    if (usage !== null) return this.pricer.cost(caller, model, usage);
    throw invalid(`${at}.usage`, 'Send usage or costUsd.');
  }

  private async viewOf(
    caller: Caller,
    items: RecordedExecutionDto[],
    firsts: RecordedExecutionDto[],
    answers: { verdict: 'recorded' | 'duplicate'; id: string | null }[],
  ): Promise<RecordedView> {
    const verdicts = new Map(firsts.map((item, index) => [item.externalId, answers[index]!]));
    const missing = firsts.filter((_, index) => answers[index]!.id === null).map((item) => item.externalId);
    const found = missing.length === 0 ? new Map<string, string>() : await this.store.idsByExternalId(caller, missing);
    const seen = new Set<string>();
    const views = items.map(({ externalId }) => {
      const { verdict, id } = verdicts.get(externalId)!;
      const status = seen.has(externalId) ? 'duplicate' : verdict;
      seen.add(externalId);
      return { externalId, id: id ?? found.get(externalId) ?? '', status };
    });
    const recorded = views.filter((view) => view.status === 'recorded').length;
    return { recorded, duplicates: views.length - recorded, items: views };
  }
}

function timesOf(item: RecordedExecutionDto, at: string): { startedAt: Date; endedAt: Date } {
  const startedAt = new Date(item.startedAt);
  const endedAt =
    item.endedAt === undefined ? new Date(startedAt.getTime() + (item.durationMs ?? 0)) : new Date(item.endedAt);
  if (endedAt < startedAt) throw invalid(`${at}.endedAt`, 'It cannot end before it started.');
  if (startedAt.getTime() > Date.now() + CLOCK_TOLERANCE_MS) throw invalid(`${at}.startedAt`, 'It lies in the future.');
  if (startedAt.getUTCFullYear() < 2000) throw invalid(`${at}.startedAt`, 'Use a time after the year 2000.');
  return { startedAt, endedAt };
}
