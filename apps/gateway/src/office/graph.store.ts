import { Inject, Injectable } from '@nestjs/common';
import type { AgentState } from '@houston/common/domain/agent-states.js';
import { Database, type WorkspaceScope } from '@houston/common/db/database.js';

export interface GraphQuestion {
  windowMs: number;
  taskId: string | null;
}

export interface NodeRow {
  id: string;
  name: string;
  role: string;
  level: string;
  state: AgentState;
  health: string;
  last_seen_at: Date | null;
}

export interface EdgeRow {
  source: string;
  target: string;
  type: 'mention' | 'reply' | 'delegation' | 'notification';
  count: number;
  /** The youngest. */
  evidence: string[];
  last_at: Date;
}

const MOST_NODES = 1_000;
const MOST_EVIDENCE = 50;

const NODES = `
  select a.id, a.name, a.role, a.level, coalesce(p.state, 'offline') as state, coalesce(p.health, 'offline') as health,
         p.last_seen_at
    from agents a left join agent_presence p on p.agent_id = a.id
   where a.organization_id = $1
   order by a.id = any($2::uuid[]) desc, p.last_seen_at desc nulls last, a.name limit ${MOST_NODES}`;

/** Events outlive the code that wrote them. */
function arrayOf(field: string): string {
  return `case when jsonb_typeof(t.data -> '${field}') = 'array' then t.data -> '${field}' else '[]' end`;
}

/**
 * What passed between agents (ids are made first, and joined then: behind a wall a join uses its index only where nothing
 * but ids are compared): a view over the ledger, and over tasks and runs where a key of an agent gave them to another.
 *
 * $1 organization  $2 workspace  $3 milliseconds  $4 task or null
 */
const EDGES = `
  with happened as materialized (
    select e.id, e.type, e.time, e.data, key_of_actor(e.actor) as by_key, uuid_or_null(e.data ->> 'replyTo') as reply_to
      from events e
     where e.organization_id = $1 and e.workspace_id = $2 and e.data ? 'recipients'
       and e.time >= now() - $3 * interval '1 millisecond' and ($4::text is null or e.task_id = $4)
  ), told as (
    select h.*, case when h.type = 'message.acknowledged' then h.data #>> '{to,agent}'
                     else coalesce(h.data #>> '{author,agent}', h.data #>> '{from,agent}', k.agent_id::text) end as source
      from happened h left join api_keys k on k.id = h.by_key
  ), made as materialized (
    select t.id, t.assignee_id, t.lease_agent_id, t.created_at, key_of_actor(t.created_by) as by_key
      from tasks t
     where t.workspace_id = $2 and t.created_at >= now() - $3 * interval '1 millisecond'
       and ($4::uuid is null or t.id = $4::uuid or t.parent_id = $4::uuid)
  ), passed as (
    select 'mention' as type, t.source, m ->> 'agent' as target, t.data ->> 'messageId' as evidence, t.time as at
      from told t cross join lateral jsonb_array_elements(${arrayOf('mentions')}) m
     where t.type = 'message.posted'
    union all
    select 'reply', t.source, p.author ->> 'agent', t.data ->> 'messageId', t.time
      from told t join task_messages p on p.workspace_id = $2 and p.id = t.reply_to
     where t.type = 'message.posted'
    union all
    select case when t.data ->> 'type' = 'handoff' then 'delegation' else 'reply' end,
           t.source, t.data #>> '{to,agent}', t.data ->> 'messageId', t.time
      from told t
     where t.type = 'message.sent' and (t.data ->> 'type' = 'handoff' or t.data ->> 'replyTo' is not null)
    union all
    select 'notification', t.source, r ->> 'agent', coalesce(n.id, t.id)::text, t.time
      from told t cross join lateral jsonb_array_elements(${arrayOf('recipients')}) r
      left join notifications n on n.workspace_id = $2 and n.event_id = t.id and n.agent_id = uuid_or_null(r ->> 'agent')
     where r ? 'agent'
    union all
    select 'delegation', k.agent_id::text, coalesce(t.assignee_id, t.lease_agent_id, p.agent_id)::text, t.id::text, t.created_at
      from made t join api_keys k on k.id = t.by_key and k.agent_id is not null
      left join lateral (select a.agent_id from task_attempts a
                          where a.workspace_id = $2 and a.task_id = t.id order by a.fence desc limit 1) p on true
    union all
    select 'delegation', p.agent_id::text, e.agent_id::text, e.id::text, e.started_at
      from executions e join executions p on p.workspace_id = $2 and p.id = e.parent_id
     where e.workspace_id = $2 and e.trigger = 'delegation' and e.started_at >= now() - $3 * interval '1 millisecond'
       and ($4::text is null or e.task_id = $4)
  )
  select p.source, p.target, p.type, count(*)::int as count, max(p.at) as last_at,
         (array_agg(p.evidence order by p.at desc, p.evidence))[1:${MOST_EVIDENCE}] as evidence
    from (select distinct type, uuid_or_null(source) as source, uuid_or_null(target) as target, evidence, at from passed) p
    join agents s on s.id = p.source join agents d on d.id = p.target
   where p.source <> p.target
   group by p.source, p.target, p.type
   order by p.source, p.target, p.type`;

@Injectable()
export class GraphStore {
  constructor(@Inject(Database) private readonly db: Database) {}

  read(scope: WorkspaceScope, { windowMs, taskId }: GraphQuestion): Promise<{ nodes: NodeRow[]; edges: EdgeRow[] }> {
    return this.db.inWorkspace(scope, async (tx) => {
      const edges = await tx.query<EdgeRow>(EDGES, [scope.organizationId, scope.workspaceId, windowMs, taskId]);
      const linked = [...new Set(edges.flatMap(({ source, target }) => [source, target]))];
      return { nodes: await tx.query<NodeRow>(NODES, [scope.organizationId, linked]), edges };
    });
  }
}
