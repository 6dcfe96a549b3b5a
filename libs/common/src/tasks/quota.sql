-- Quotas that are used up. Parking needs no duty: it is over when its time is.

-- Until when an agent gets no work of a workspace because of a quota: its provider's, or its own; null: none.
create or replace function parked_until(p_agent agents, p_workspace uuid) returns timestamptz language sql stable
set enable_seqscan = off as $$
  select greatest(
    (select k.until from provider_parkings k where k.workspace_id = p_workspace and k.provider = p_agent.provider),
    (select k.until from agent_parkings k where k.workspace_id = p_workspace and k.agent_id = p_agent.id))
$$;

-- Parks a provider, or where nobody knows whether the agent lives on it, the agent itself; longer where it is parked longer.
-- A quota without a known end, or whose end is past, is asked again after a while.
--
-- p_provider  whose quota it is; null: unknown
-- p_until     when it is there again; null: unknown
create or replace function park_quota(p_organization uuid, p_workspace uuid, p_agent uuid, p_provider text, p_until timestamptz, p_reason text)
returns void language plpgsql
set enable_seqscan = off as $$
declare
  v_until timestamptz := greatest(coalesce(p_until, now() + interval '1 minute'), now() + interval '1 second');
begin
  if p_provider is not null then
    insert into provider_parkings as k (organization_id, workspace_id, provider, until, reason)
    values (p_organization, p_workspace, p_provider, v_until, p_reason)
    on conflict (workspace_id, provider) do update
       set until = greatest(k.until, excluded.until), reason = excluded.reason, updated_at = now();
  end if;
  if not exists (select from agents a where a.organization_id = p_organization and a.id = p_agent and a.provider = p_provider) then
    insert into agent_parkings as k (organization_id, workspace_id, agent_id, until, reason)
    values (p_organization, p_workspace, p_agent, v_until, p_reason)
    on conflict (workspace_id, agent_id) do update
       set until = greatest(k.until, excluded.until), reason = excluded.reason, updated_at = now();
  end if;
end $$;

-- The lanes of demands that agents at work are able to meet, while the quota of every one of them is used up; null: all lanes.
create or replace function lanes_out_of_quota(p_organization uuid, p_workspace uuid) returns uuid[] language plpgsql stable
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set enable_sort = off as $$
begin
  if not exists (select from provider_parkings k where k.workspace_id = p_workspace and k.until > now())
     and not exists (select from agent_parkings k where k.workspace_id = p_workspace and k.until > now()) then
    return '{}';
  end if;
  return (
    with recursive lanes as (
      (select t.lane from tasks t
        where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0
          and t.approval_id is null
        order by t.lane limit 1)
      union all
      select (select t.lane from tasks t
               where t.workspace_id = p_workspace and t.status = 'inbox' and t.next_retry_at is null and t.open_dependencies = 0
                 and t.approval_id is null and t.lane > l.lane
               order by t.lane limit 1)
        from lanes l where l.lane is not null
    )
    select case when bool_and(w.able > 0 and w.able = w.parked) then null
                else coalesce(array_agg(l.lane) filter (where w.able > 0 and w.able = w.parked), '{}') end
      from lanes l
     cross join lateral (
       select t.assignee_id, t.required_capabilities from tasks t
        where t.workspace_id = p_workspace and t.lane = l.lane and t.status = 'inbox' and t.next_retry_at is null
          and t.open_dependencies = 0 and t.approval_id is null
        order by t.dispatch_at, t.id limit 1) h
     cross join lateral (
       select count(*) as able, count(*) filter (where parked_until(a, p_workspace) > now()) as parked
         from agents a
        where a.organization_id = p_organization and a.enabled and a.lifecycle <> 'deprecated' and a.paused_at is null
          and a.draining_at is null and (h.assignee_id is null or h.assignee_id = a.id)
          and meets_capabilities(a.capabilities, h.required_capabilities)) w
     where l.lane is not null);
end $$;
