import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';

const MAX_GROUPS = 200;

/** Decisions by people and agents; what the policy or the clock decided took nobody any time. */
const DECIDED = `select *, extract(epoch from resolved_at - created_at)::float8 as seconds from approvals
  where workspace_id = $1 and resolved_at > now() - make_interval(days => $2) and decision is not null`;

const FIGURES = `count(*)::int as decisions, count(*) filter (where status = 'approved')::int as approved,
  percentile_cont(0.5) within group (order by seconds) as median, percentile_cont(0.95) within group (order by seconds) as p95`;

/** How fast decisions are made. Times in seconds; null where there are none. */
export interface VelocityRow {
  decisions: number;
  approved: number;
  median: number | null;
  p95: number | null;
}

export interface ApprovalVelocity {
  total: VelocityRow & { backlog: number };
  /** By the agent that asked. */
  byAgent: (VelocityRow & { agent_id: string })[];
  /** By whoever decided: a member, an agent, or a bare key. */
  byApprover: (VelocityRow & { approver: string; name: string | null })[];
}

@Injectable()
export class ApprovalMetricsStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** @param days decisions of how many days; the backlog is of now */
  read(scope: WorkspaceScope, days: number): Promise<ApprovalVelocity> {
    const values = [scope.workspaceId, days];
    return this.db.inWorkspace(scope, async (tx) => {
      const [total] = await tx.query<ApprovalVelocity['total']>(
        `select ${FIGURES}, (select count(*)::int from approvals where workspace_id = $1 and status = 'pending') as backlog
           from (${DECIDED}) d`,
        values,
      );
      const byAgent = await tx.query<ApprovalVelocity['byAgent'][number]>(
        `select requester_agent_id as agent_id, ${FIGURES} from (${DECIDED}) d where requester_agent_id is not null
          group by 1 order by decisions desc, 1 limit ${MAX_GROUPS}`,
        values,
      );
      const byApprover = await tx.query<ApprovalVelocity['byApprover'][number]>(
        `select approver, (select m.name from members m where m.workspace_id = $1 and 'member:' || m.id = approver) as name,
                decisions, approved, median, p95
           from (select case when resolver_member_id is not null then 'member:' || resolver_member_id
                             when resolver_agent_id is not null then 'agent:' || resolver_agent_id else resolved_by end as approver,
                        ${FIGURES}
                   from (${DECIDED}) d group by 1 order by decisions desc, 1 limit ${MAX_GROUPS}) g`,
        values,
      );
      if (!total) throw new Error('An aggregate answered no row');
      return { total, byAgent, byApprover };
    });
  }
}
