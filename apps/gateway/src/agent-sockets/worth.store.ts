import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';
import type { Candidate, RankingStrategy } from '@houston/common/domain/ranking.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';

/** What is known of an agent whatever the task. */
export type KnownAgent = Omit<Candidate, 'load' | 'maxConcurrent' | 'surplus'> & {
  capabilities: { level?: number }[];
};

@Injectable()
export class WorthStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** The strategy of a workspace, and how these agents have fared in it. */
  read(scope: WorkspaceScope, agentIds: string[]): Promise<{ strategy: RankingStrategy; agents: KnownAgent[] }> {
    return this.db.inWorkspace(scope, async (tx) => {
      const [workspace] = await tx.query<{ settings: Record<string, unknown> }>(
        'select settings from workspaces where id = $1',
        [scope.workspaceId],
      );
      const agents = await tx.query<KnownAgent>(
        `select a.id, a.name, a.level, a.capabilities, (a.cost_per_task_nano / 1e9)::float8 as "costUsd",
                h.attempts, h.successes, h.median_seconds as "medianSeconds"
           from agents a cross join lateral agent_history($2, a.id, true) h
          where a.organization_id = $1 and a.id = any($3)`,
        [scope.organizationId, scope.workspaceId, agentIds],
      );
      return { strategy: workspaceSettings(workspace?.settings ?? {}).assignmentStrategy, agents };
    });
  }
}
