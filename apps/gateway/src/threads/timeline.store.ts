import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx, type WorkspaceScope } from '@houston/common/db/database.js';
import { type TaskMessageRow, ThreadStore } from './thread.store.js';

/** Something that happened to a task: an event about it, or a run for it. */
export interface TimelineRow {
  id: string;
  seq: string;
  type: string;
  time: Date;
  actor: string;
  data: Record<string, unknown>;
  /** `time` in microseconds, for the cursor. */
  sort_key: string;
}

export interface Timeline {
  rows: TimelineRow[];
  /** What was said, by id. */
  messages: Map<string, TaskMessageRow>;
}

/** Everything that happened to a task, read from the ledger and the runs: it has no table of its own. */
@Injectable()
export class TimelineStore {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ThreadStore) private readonly threads: ThreadStore,
  ) {}

  /** Oldest first, one more than asked for; null without such a task. @param after time, seq and id of the last one before */
  read(
    scope: WorkspaceScope,
    taskId: string,
    after: readonly string[] | null,
    limit: number,
  ): Promise<Timeline | null> {
    return this.db.inWorkspace(scope, async (tx) => {
      if ((await this.threads.taskTitle(tx, taskId)) === null) return null;
      const rows = await this.rows(tx, taskId, after, limit);
      const posted = rows.flatMap(({ type, data }) => (type === 'message.posted' ? [String(data['messageId'])] : []));
      const messages = await this.threads.findAll(tx, taskId, posted);
      return { rows, messages: new Map(messages.map((message) => [message.id, message])) };
    });
  }

  private rows(tx: Tx, taskId: string, after: readonly string[] | null, limit: number): Promise<TimelineRow[]> {
    const [time, seq, id] = after ?? [null, null, null];
    return tx.query(
      `select t.*, (extract(epoch from t.time) * 1000000)::bigint::text as sort_key from (
         (select e.id, e.seq, e.type, e.time, e.actor, e.data from events e, lateral (select ${AFTER} as at) a
           where e.workspace_id = $1 and e.task_id = $2 and (a.at is null or (e.time, e.seq) > (a.at, $4::bigint))
           order by e.time, e.seq limit $6)
         union all
         (select x.id, 0, 'execution.' || x.status, x.started_at, x.created_by, ${RUN}
            from executions x left join agents n on n.id = x.agent_id, lateral (select ${AFTER} as at) a
           where x.workspace_id = $1 and x.task_id = $2
             and (a.at is null or (x.started_at, 0::bigint, x.id) > (a.at, $4::bigint, $5::uuid))
           order by x.started_at, x.id limit $6)
       ) t order by t.time, t.seq, t.id limit $6`,
      [tx.workspaceId, taskId, time, seq, id, limit + 1],
    );
  }
}

const AFTER = `timestamptz 'epoch' + $3::bigint * interval '1 microsecond'`;
const RUN = `jsonb_build_object('executionId', x.id, 'agentId', x.agent_id, 'agent', n.name, 'model', x.model, 'status', x.status,
                    'trigger', x.trigger, 'costUsd', nano_to_usd(x.cost_nano), 'endedAt', iso_time(x.ended_at))`;
