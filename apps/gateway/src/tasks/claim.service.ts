import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { Database } from '@houston/common/db/database.js';
import { taskTrigger } from '@houston/common/domain/task-trigger.js';
import { returnedMove } from '@houston/common/tasks/task-move.js';
import { moveTasks } from '@houston/common/tasks/task-moves.store.js';
import { AdmissionService } from '../admission/admission.service.js';
import { type AgentRef, AgentDirectory } from '../agents/agent-directory.js';
import { ExecutionService } from '../executions/execution.service.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import { bearerOf, requireOwnAgent } from './bearer.js';
import type { TaskWithEdges } from './task.view.js';
import { type Look, WaitingClaims } from './waiting-claims.js';
import { WorkStore } from './work.store.js';

/** A task whose budget has no room is looked at again after this. */
const BUDGET_RETRY_MS = 60_000;
/** A run reports at least when its lease ends; until then its money stays held. */
const HOLD_SECONDS = 86_400;
/** Tasks without room in their budgets that one claim puts aside before it answers. */
const MAX_PUT_ASIDE = 5;

export type ClaimAnswer =
  { kind: 'claimed'; task: TaskWithEdges } | { kind: 'empty'; reason: 'none' | 'at_capacity' | 'paused' };

/** Finds the next task for an agent, holds its money, and waits for one where there is none. */
@Injectable()
export class ClaimService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(WorkStore) private readonly work: WorkStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(AdmissionService) private readonly admission: AdmissionService,
    @Inject(ExecutionService) private readonly executions: ExecutionService,
    @Inject(WaitingClaims) private readonly waiting: WaitingClaims,
  ) {}

  /** @param hungUp aborted when the caller is gone @throws Problem not_found, forbidden */
  async claim(caller: Caller, nameOrId: string, waitSeconds: number, hungUp: AbortSignal): Promise<ClaimAnswer> {
    const agent = await this.agents.find(caller.organizationId, nameOrId);
    if (!agent) throw notFound();
    requireOwnAgent(caller, agent.id);
    const look = () => this.look(caller, agent);
    if (waitSeconds === 0) {
      const found = await look();
      return found.kind === 'answer' ? found.answer : { kind: 'empty', reason: 'none' };
    }
    const answer = await this.waiting.wait(caller.workspaceId, waitSeconds * 1_000, hungUp, look);
    return answer ?? { kind: 'empty', reason: 'none' };
  }

  private async look(caller: Caller, agent: AgentRef): Promise<Look<ClaimAnswer>> {
    for (let putAside = 0; putAside < MAX_PUT_ASIDE; putAside += 1) {
      const claimed = await this.work.claim(caller, agent.id, newId(), caller.actor);
      switch (claimed.verdict) {
        case 'claimed': {
          const task = await this.fund(caller, agent, claimed.task);
          if (task) return { kind: 'answer', answer: { kind: 'claimed', task } };
          break;
        }
        case 'at_capacity':
        case 'paused':
          return { kind: 'answer', answer: { kind: 'empty', reason: claimed.verdict } };
        case 'none':
        case 'quota':
          return { kind: claimed.idle ? 'idle' : 'nothing' };
        case 'unknown_agent':
          throw notFound();
      }
    }
    return { kind: 'nothing' };
  }

  /** Holds the money of a task just claimed. @returns the task; null when its budgets have no room, and it was put aside */
  async fund(caller: Caller, agent: AgentRef, task: TaskWithEdges): Promise<TaskWithEdges | null> {
    if (task.budget_nano === null) return task;
    const engine = await this.db.inOrganization(caller.organizationId, (tx) => this.work.engineOf(tx, agent.id));
    const outcome = await this.admission.admit(
      caller,
      {
        agent: agent.id,
        model: engine?.models[0] ?? 'unknown',
        provider: engine?.provider ?? null,
        estimate: { costNano: BigInt(task.budget_nano) },
        trigger: taskTrigger(task.created_by, task.tags, task.parent_id),
        taskId: task.id,
        holdSeconds: HOLD_SECONDS,
      },
      { id: newId(), mayExist: false },
    );
    if (outcome.kind === 'denied') {
      await this.putAside(caller, task, `The budget ${outcome.binding.budget.name} has no room.`);
      return null;
    }
    const isAttached = await this.work.attachExecution(caller, task, outcome.executionId);
    if (!isAttached) {
      await this.executions.cancel(caller, outcome.executionId);
      return null;
    }
    return { ...task, execution_id: outcome.executionId };
  }

  private async putAside(caller: Caller, task: TaskWithEdges, error: string): Promise<void> {
    await this.db.inOrganization(caller.organizationId, async (tx) => {
      const lease = { id: task.lease_id ?? '', fence: Number(task.lease_fence) };
      const judged = await this.work.judge(tx, bearerOf(caller), task.id, lease);
      if (judged.verdict !== 'held') return;
      const move = returnedMove(judged.task, { kind: 'budget', error }, 'system');
      await moveTasks(tx, [{ ...move, delay_ms: BUDGET_RETRY_MS, retry_reason: 'budget' }]);
    });
  }
}
