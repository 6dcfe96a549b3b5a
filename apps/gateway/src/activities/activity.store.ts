import { Inject, Injectable } from '@nestjs/common';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';

export interface ActivityFilter {
  /** A type, or its beginning and a star. Without one the runs of agents are left out. */
  type?: string;
  taskId?: string;
  agentId?: string;
  from?: string;
  to?: string;
  /** Continue below this seq. */
  before?: string;
  limit: number;
}

/** An event with the names of who did it and of the task and the agent it is about. */
export interface ActivityRow {
  id: string;
  seq: string;
  type: string;
  time: Date;
  actor: string;
  actor_name: string | null;
  subject: string;
  task_id: string | null;
  task_title: string | null;
  agent_id: string | null;
  agent_name: string | null;
  data: Record<string, unknown>;
}

const RUNS = 'execution.';
const ABOUT = 'e.task_id = $4::text';
/** Events of runs do not name the task, the runs do; none of them is older than the task's own first event. */
const ABOUT_OR_RUN = `(${ABOUT} or e.data ->> 'executionId' = any(
  array(select x.id::text from executions x where x.workspace_id = $1 and x.task_id = $4::text)))
  and e.seq >= coalesce((select min(b.seq) from events b where b.workspace_id = $1 and b.task_id = $4::text), 0)`;

/** The events of a workspace as a view for people. */
@Injectable()
export class ActivityStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  /** Newest first, one more than asked for. */
  list(scope: WorkspaceScope, filter: ActivityFilter): Promise<ActivityRow[]> {
    return this.db.inWorkspace(scope, (tx) =>
      tx.query(statement(filter), [
        scope.workspaceId,
        filter.type?.replace(/\*$/, '') ?? '',
        filter.type === undefined || filter.type.endsWith('*'),
        filter.taskId ?? null,
        filter.agentId ?? null,
        filter.from ?? null,
        filter.to ?? null,
        filter.before ?? null,
        filter.limit + 1,
      ]),
    );
  }
}

/**
 * Names are looked up for one page only. The ids to look them up by are made within it: behind a wall a join uses its index
 * only where nothing but ids are compared.
 */
function statement({ type, taskId }: ActivityFilter): string {
  // As the condition of the index says it, word for word; otherwise the index is not seen.
  const board = wantsRuns(type) ? '' : "and e.type not like 'execution.%'";
  const task = taskId === undefined ? 'and $4::text is null' : `and ${wantsRuns(type) ? ABOUT_OR_RUN : ABOUT}`;
  return `select e.id, e.seq, e.type, e.time, e.actor, coalesce(m.name, b.name, k.name) as actor_name, e.subject,
                 e.task_id, t.title as task_title, e.agent_id, a.name as agent_name, e.data
            from (select e.id, e.seq, e.type, e.time, e.actor, e.subject, coalesce(e.task_id, $4::text) as task_id, e.data,
                         coalesce(e.data ->> 'agentId', e.data #>> '{author,agent}', e.data #>> '{from,agent}') as agent_id,
                         key_of_actor(e.actor) as by_key, uuid_or_null(coalesce(e.task_id, $4::text)) as of_task,
                         uuid_or_null(coalesce(e.data ->> 'agentId', e.data #>> '{author,agent}', e.data #>> '{from,agent}')) as of_agent
                    from events e
                   where e.workspace_id = $1 ${board} ${task}
                     and case when $3 then starts_with(e.type, $2) else e.type = $2 end
                     and ($5::text is null or e.data ->> 'agentId' = $5 or e.data #>> '{author,agent}' = $5
                          or e.data #>> '{from,agent}' = $5 or e.data #>> '{to,agent}' = $5)
                     and ($6::timestamptz is null or e.time >= $6) and ($7::timestamptz is null or e.time < $7)
                     and ($8::bigint is null or e.seq < $8)
                   order by e.seq desc limit $9) e
            left join api_keys k on k.id = e.by_key
            left join members m on m.workspace_id = k.workspace_id and m.id = k.member_id
            left join agents b on b.id = k.agent_id
            left join agents a on a.id = e.of_agent
            left join tasks t on t.workspace_id = $1 and t.id = e.of_task
           order by e.seq desc`;
}

function wantsRuns(type: string | undefined): boolean {
  return type !== undefined && (type.startsWith(RUNS) || (type.endsWith('*') && RUNS.startsWith(type.slice(0, -1))));
}
