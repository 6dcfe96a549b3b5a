-- Writes new tasks of one workspace with their events: all or none. One whose id exists already (a repeated request) is left
-- as it is. p_items in the names of the columns, in order; answers the new ones.
create or replace function create_tasks(p_organization uuid, p_workspace uuid, p_actor text, p_items jsonb) returns setof tasks
language plpgsql
set enable_seqscan = off as $$
#variable_conflict use_column
begin
  perform enter_tenant(p_organization, null);
  return query
  with written as (
    insert into tasks (organization_id, workspace_id, id, title, description, priority, required_capabilities, assignee_id, parent_id,
                       payload, output_schema, tags, retry_policy, execution_timeout_seconds, due_at, breach_at, sla_tier, slo_seconds,
                       expires_at, budget_nano, token_budget, dispatch_at, created_by)
    select p_organization, p_workspace, i.id, i.title, coalesce(i.description, ''), i.priority, coalesce(i.required_capabilities, '[]'),
           i.assignee_id, i.parent_id, i.payload, i.output_schema, coalesce(i.tags, '{}'), coalesce(i.retry_policy, '{}'),
           i.execution_timeout_seconds, i.due_at, i.due_at, i.sla_tier, i.slo_seconds, i.expires_at, i.budget_nano, i.token_budget,
           dispatch_place(now(), i.priority), p_actor
      from rows from (jsonb_to_recordset(p_items) as (
             id uuid, title text, description text, priority text, required_capabilities jsonb, assignee_id uuid, parent_id uuid,
             payload jsonb, output_schema jsonb, tags text[], retry_policy jsonb, execution_timeout_seconds int, due_at timestamptz,
             sla_tier text, slo_seconds int, expires_at timestamptz, budget_nano bigint, token_budget bigint))
           with ordinality as i(id, title, description, priority, required_capabilities, assignee_id, parent_id, payload, output_schema,
                                tags, retry_policy, execution_timeout_seconds, due_at, sla_tier, slo_seconds, expires_at, budget_nano,
                                token_budget, n)
     order by i.n
    on conflict (workspace_id, id) do nothing
    returning *
  ), told as (
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    select p_organization, p_workspace, gen_random_uuid(), 'task.created', p_actor, 'task:' || w.id,
           jsonb_strip_nulls(jsonb_build_object('taskId', w.id, 'title', w.title, 'priority', w.priority, 'assigneeId', w.assignee_id,
                                                'parentId', w.parent_id, 'dueAt', iso_time(w.due_at)))
      from written w
  )
  select * from written;
end $$;
