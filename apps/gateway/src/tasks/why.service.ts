import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { rank, type Ranked, type RankingStrategy } from '@houston/common/domain/ranking.js';
import { why } from '@houston/common/domain/task-why.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { candidateOf } from '@houston/common/tasks/candidate.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { type CandidateRow, candidatesOf, waitingTask } from '@houston/common/tasks/waiting.store.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import { TaskStore } from './task.store.js';
import type { TaskWithEdges } from './task.view.js';
import { type RankedAgentView, type WaitsForView, type WhyView } from './why.view.js';

/** Explains: why nobody works on a task, and who could. */
@Injectable()
export class WhyService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TaskStore) private readonly store: TaskStore,
  ) {}

  /** @throws Problem not_found */
  why(caller: Caller, id: string): Promise<WhyView> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      const task = await this.present(tx, caller, id);
      const rows = await candidatesOf(tx, caller.workspaceId, id, true);
      const { reason, missingCapabilities, until } = why(waitingTask(task), rows);
      const waitsFor = await this.waitsFor(tx, caller, task);
      return {
        reason,
        ...(missingCapabilities === undefined ? {} : { missingCapabilities: [...missingCapabilities] }),
        ...(until === undefined ? {} : { until: until.toISOString() }),
        ...(waitsFor.length === 0 ? {} : { waitsFor }),
        candidates: rankedAgents(task, rows, strategyOf(caller)),
      };
    });
  }

  /** Able agents, best first, the busy ones included. @throws Problem not_found */
  suitable(caller: Caller, id: string, strategy: RankingStrategy = strategyOf(caller)): Promise<RankedAgentView[]> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      const task = await this.present(tx, caller, id);
      return rankedAgents(task, await candidatesOf(tx, caller.workspaceId, id, true), strategy);
    });
  }

  private async present(tx: Tx, caller: Caller, id: string): Promise<TaskWithEdges> {
    const task = await this.store.read(tx, caller.workspaceId, id);
    if (!task) throw notFound();
    return task;
  }

  private async waitsFor(tx: Tx, caller: Caller, task: TaskWithEdges): Promise<WaitsForView[]> {
    if (task.approval_id !== null) return [{ kind: 'approval', id: task.approval_id }];
    if (task.status === 'blocked' || task.status === 'review') {
      return [{ kind: task.status, reason: task.blocker_reason ?? task.completion_message }];
    }
    if (task.open_dependencies === 0) {
      return task.retry_reason === 'budget' ? [{ kind: 'budget', reason: task.last_error }] : [];
    }
    const rows = await this.store.readAll(tx, caller.workspaceId, task.depends_on);
    return rows
      .filter((row) => row.status !== 'done')
      .map((row) => ({ kind: 'task', id: row.id, title: row.title, status: row.status }));
  }
}

function strategyOf({ workspace }: Caller): RankingStrategy {
  return workspaceSettings(workspace.settings).assignmentStrategy;
}

function rankedAgents(task: TaskRow, rows: readonly CandidateRow[], strategy: RankingStrategy): RankedAgentView[] {
  const able = new Map(rows.filter((row) => row.meets).map((row) => [row.id, row]));
  const candidates = [...able.values()].map((row) => candidateOf(task, row));
  return rank(candidates, strategy).map((ranked) => rankedView(ranked, able.get(ranked.candidate.id)));
}

function rankedView({ candidate, score, terms }: Ranked, row: CandidateRow | undefined): RankedAgentView {
  return {
    agent: candidate.name,
    agentId: candidate.id,
    score,
    terms,
    connected: row?.connected ?? false,
    refusal: row?.refusal ?? null,
    degradedReason: row?.degraded_reason ?? null,
    until: row?.until?.toISOString() ?? null,
  };
}
