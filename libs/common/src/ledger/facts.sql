-- What executions were admitted as; none of it ever changes.
--
-- p_workspaces[i], p_ids[i]  the execution asked for
-- Returns a row for each that exists, in any order.
create or replace function run_facts(p_organization uuid, p_workspaces uuid[], p_ids uuid[])
returns table (workspace_id uuid, id uuid, agent_id uuid, model text, provider text) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform enter_tenant(p_organization, null);
  return query
  select e.* from unnest(p_workspaces, p_ids) as i(workspace_id, id)
   cross join lateral (
     select e.workspace_id, e.id, e.agent_id, e.model, e.provider from executions e
      where e.workspace_id = i.workspace_id and e.id = i.id offset 0
   ) e;
end $$;
