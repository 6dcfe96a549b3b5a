-- How a workspace stands, in one statement and so in one snapshot. Everything is found by an index, and what the inbox holds
-- by the sums of its changes: it costs the same with ten tasks and with a million. Sorting is off because a planner that knows
-- nothing yet of a table just filled would rather sort all of it than walk the index that has the order.
create or replace function dashboard_state(p_organization uuid, p_workspace uuid) returns jsonb language plpgsql
set enable_seqscan = off set enable_bitmapscan = off set enable_sort = off set jit = off as $$
declare
  v_state jsonb;
  v_parked uuid[];
begin
  perform enter_tenant(p_organization, p_workspace);
  v_parked := lanes_out_of_quota(p_organization, p_workspace);
  select jsonb_build_object(
    'at', iso_time(now()),
    'agents', agents.by_state,
    'queueDepth', inbox.depth,
    'waiting', inbox.waiting,
    'oldestWaiting', (
      select jsonb_build_object('taskId', t.id, 'title', t.title, 'priority', t.priority, 'since', iso_time(t.status_since),
                                'seconds', floor(extract(epoch from now() - t.status_since)))
        from tasks t
       where t.workspace_id = p_workspace and t.id = (
         select o.id from tasks o
          where o.workspace_id = p_workspace and o.status = 'inbox' and o.open_dependencies = 0 and o.approval_id is null
            and o.next_retry_at is null
          order by o.status_since, o.id limit 1)),
    'leases', leases.counts,
    'retriesDue', (select count(*) from tasks t
                    where t.organization_id = p_organization and t.wake_at <= now() and t.workspace_id = p_workspace
                      and t.status in ('inbox', 'assigned', 'in_progress', 'blocked', 'review') and t.next_retry_at <= now()),
    'deadLetters', (select count(*) from dead_letters d where d.workspace_id = p_workspace and d.status = 'open'),
    'recentCompletions', (
      select coalesce(jsonb_agg(jsonb_build_object(
               'taskId', c.id, 'title', c.title, 'priority', c.priority, 'endedAt', iso_time(c.ended_at),
               'agent', (select a.name from task_attempts r join agents a on a.id = r.agent_id
                          where r.workspace_id = p_workspace and r.task_id = c.id order by r.fence desc limit 1))
               order by c.ended_at desc, c.id), '[]')
        from (select e.id, e.title, e.priority, e.ended_at
                from (select t.id, t.title, t.priority, t.ended_at, t.status from tasks t
                       where t.workspace_id = p_workspace and t.ended_at is not null
                       order by t.ended_at desc limit 200) e
               where e.status = 'done' order by e.ended_at desc limit 10) c),
    'services', (
      select jsonb_object_agg(s.name, exists (select from processes p where p.name = s.name and p.beat_at > now() - interval '15 seconds'))
        from unnest(array['gateway', 'budget', 'scheduler', 'notifier']) as s(name)))
    into v_state
    from (
      select jsonb_build_object('urgent', coalesce(sum(delta) filter (where bucket = 'urgent'), 0),
                                'high', coalesce(sum(delta) filter (where bucket = 'high'), 0),
                                'normal', coalesce(sum(delta) filter (where bucket = 'normal'), 0),
                                'low', coalesce(sum(delta) filter (where bucket = 'low'), 0)) as depth,
             jsonb_build_object('dependency', coalesce(sum(delta) filter (where bucket = 'dependency'), 0),
                                'retry', coalesce(sum(delta) filter (where bucket = 'retry'), 0),
                                'quota', coalesce(sum(delta) filter (where bucket = 'quota'), 0),
                                'approval', coalesce(sum(delta) filter (where bucket = 'approval'), 0)) as waiting
        from (
          -- What only agents without quota could take waits for their quota.
          select case when v_parked is null and c.bucket in ('urgent', 'high', 'normal', 'low') then 'quota' else c.bucket end as bucket,
                 c.delta
            from inbox_counts c where c.organization_id = p_organization and c.workspace_id = p_workspace
          union all
          select b.bucket, b.delta
            from unnest(v_parked) as l(lane)
           cross join lateral (
             select t.priority from tasks t
              where t.workspace_id = p_workspace and t.lane = l.lane and t.status = 'inbox' and t.next_retry_at is null
                and t.open_dependencies = 0 and t.approval_id is null offset 0) t
           cross join lateral (values (t.priority, -1), ('quota', 1)) as b(bucket, delta)) c) inbox,
      (select jsonb_build_object('live', count(*) filter (where l.lease_expires_at > now()),
                                 'unacknowledged', count(*) filter (where l.ack_by is not null),
                                 'expired', count(*) filter (where l.lease_expires_at <= now())) as counts
         from tasks l where l.organization_id = p_organization and l.lease_agent_id is not null and l.workspace_id = p_workspace) leases,
      (select jsonb_object_agg(s.state, coalesce(f.count, 0)) as by_state
         from unnest(array['offline', 'idle', 'assigned', 'working', 'blocked', 'paused', 'draining']) as s(state)
         left join (select coalesce(p.state, 'offline') as state, count(*) as count
                      from agents a left join agent_presence p on p.agent_id = a.id
                     where a.organization_id = p_organization group by 1) f on f.state = s.state) agents;
  return v_state;
end $$;

-- Folds up to p_limit changes of inboxes into one for each workspace and bucket. Returns how many became fewer.
create or replace function fold_inbox_counts(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off as $$
declare
  v_taken int;
  v_kept int;
begin
  perform enter_tenant(p_organization, null);
  with taken as (
    delete from inbox_counts where ctid = any(array(
      select ctid from inbox_counts
       where organization_id = p_organization
         and (workspace_id, bucket) in (select workspace_id, bucket from inbox_counts
                                         where organization_id = p_organization group by 1, 2 having count(*) > 1)
       limit p_limit for update skip locked))
    returning workspace_id, bucket, delta
  ), kept as (
    insert into inbox_counts (organization_id, workspace_id, bucket, delta)
    select p_organization, workspace_id, bucket, sum(delta) from taken group by workspace_id, bucket having sum(delta) <> 0
    returning 1
  ) select (select count(*) from taken), (select count(*) from kept) into v_taken, v_kept;
  return v_taken - v_kept;
end $$;
