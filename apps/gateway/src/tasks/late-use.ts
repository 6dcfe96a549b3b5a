import { Inject, Injectable } from '@nestjs/common';
import type { Usage } from '@houston/common/domain/usage.js';
import { Pricer } from '../admission/pricer.js';
import { usageColumns } from '../executions/execution.service.js';
import { ExecutionStore } from '../executions/execution.store.js';
import type { Caller } from '../http/caller.js';
import { WorkStore } from './work.store.js';

/**
 * What an agent used under a lease that it has lost: its word about the task comes too late, but the money is spent all the
 * same. A lost attempt leaves its run `expired`, and a late report adds what was not counted yet.
 */
@Injectable()
export class LateUse {
  constructor(
    @Inject(WorkStore) private readonly work: WorkStore,
    @Inject(ExecutionStore) private readonly executions: ExecutionStore,
    @Inject(Pricer) private readonly pricer: Pricer,
  ) {}

  /**
   * Counts cumulative usage of the attempt with this fence; of a run that has been settled by somebody's word, nothing.
   *
   * @param isFinal the agent says no more of it
   */
  async count(caller: Caller, taskId: string, fence: number, usage: Usage, isFinal: boolean): Promise<void> {
    const run = await this.work.runOf(caller, taskId, fence);
    if (!run || (caller.agentId !== null && caller.agentId !== run.agentId)) return;
    const cost = await this.pricer.cost(
      caller,
      { workspaceId: caller.workspaceId, model: run.model, provider: run.provider },
      usage,
    );
    const item = {
      ...{ workspace_id: caller.workspaceId, id: run.executionId, actor: caller.actor },
      ...{ cost_nano: cost.nano.toString(), price_settled: cost.provenance, ...usageColumns(usage) },
    };
    const { organizationId } = caller;
    // The lease has run out, and no duty has noticed yet: it will settle what is reported now.
    if (run.status === 'admitted') await this.executions.extend({ organizationId, item });
    if (run.status !== 'expired' || isLess(usage, run)) return;
    const digest = `task ${taskId} ${fence} late ${usage.inputTokens} ${usage.outputTokens}`;
    const target = isFinal ? 'failed' : 'expired';
    await this.executions.resolve({ organizationId, item: { ...item, target, digest } });
  }
}

function isLess(usage: Usage, run: { inputTokens: number; outputTokens: number }): boolean {
  return usage.inputTokens < run.inputTokens || usage.outputTokens < run.outputTokens;
}
