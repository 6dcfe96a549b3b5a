-- What time does to direct messages.

-- Tells of up to p_limit messages that nobody has acknowledged in time, each once. Returns how many.
create or replace function escalate_unacknowledged(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  m record;
  v_told int := 0;
begin
  perform enter_tenant(p_organization, null);
  for m in
    select x.*, a.name as agent from agent_messages x join agents a on a.id = x.agent_id
     where x.organization_id = p_organization and x.ack_due_at <= now()
     order by x.ack_due_at limit p_limit for update of x skip locked
  loop
    update agent_messages set escalated_at = now(), ack_due_at = null where workspace_id = m.workspace_id and id = m.id;
    insert into events (organization_id, workspace_id, id, type, actor, subject, data)
    values (p_organization, m.workspace_id, gen_random_uuid(), 'escalation.raised', 'system', 'message:' || m.id,
            jsonb_strip_nulls(jsonb_build_object(
              'reason', 'unacknowledged', 'messageId', m.id, 'taskId', m.task_id, 'agentId', m.agent_id, 'agent', m.agent,
              'from', m.sender, 'messageType', m.type, 'priority', m.priority, 'subject', m.subject,
              'sentAt', iso_time(m.created_at), 'dueAt', iso_time(m.ack_due_at),
              'recipients', '[{"role": "owner"}, {"role": "admin"}]'::jsonb,
              'title', 'No answer from ' || m.agent,
              'text', format('%s has not acknowledged the message "%s" of %s in time.', m.agent,
                             coalesce(m.subject, left(m.body, 100)), m.sender ->> 'name'))));
    v_told := v_told + 1;
  end loop;
  return v_told;
end $$;

-- Removes up to p_limit messages whose time is over; never one whose silence was not told yet. Returns how many.
create or replace function forget_messages(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  m record;
  v_gone int := 0;
begin
  perform enter_tenant(p_organization, null);
  for m in
    select workspace_id, id from agent_messages
     where organization_id = p_organization and ack_due_at is null and expires_at <= now()
     order by expires_at limit p_limit for update skip locked
  loop
    delete from agent_messages where workspace_id = m.workspace_id and id = m.id;
    v_gone := v_gone + 1;
  end loop;
  return v_gone;
end $$;
