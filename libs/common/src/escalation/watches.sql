-- What rules have their eye on, and what came of looking.

-- Whoever writes watches holds this lock shared, whoever deletes a rule exclusively, both before any other lock: a rule takes its
-- watches with it. Not by the rules' rows: those who share a row let new ones in while somebody waits for it alone, for ever.
create or replace function lock_rules_shared(p_organization uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock_shared(hashtextextended(p_organization::text, 13))
$$;

create or replace function lock_rules_exclusively(p_organization uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock(hashtextextended(p_organization::text, 13))
$$;

-- Leaves a word that something happened to these subjects. Repeating it while nobody has looked changes nothing.
create or replace function mark_escalations(p_organization uuid, p_marks jsonb) returns void language sql as $$
  insert into escalation_marks (organization_id, workspace_id, kind, subject_id)
  select distinct p_organization, m.workspace_id, m.kind, m.subject_id
    from jsonb_to_recordset(p_marks) as m(workspace_id uuid, kind text, subject_id uuid)
   where m.workspace_id in (select w.id from workspaces w where w.organization_id = p_organization)
   order by 2, 3, 4
  on conflict do nothing
$$;

-- Writes when to look at what: p_watches [{workspace_id, rule_id, subject_id, due_at}]; due_at null: no more. One that has fired
-- is looked at when its cooldown ends, or at once if p_watches no longer has it hold (due_at null or later than now).
create or replace function set_watches(p_organization uuid, p_watches jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
declare
  w record;
begin
  for w in
    select * from jsonb_to_recordset(p_watches) as x(workspace_id uuid, rule_id uuid, subject_id uuid, due_at timestamptz)
     order by x.workspace_id, x.rule_id, x.subject_id
  loop
    if w.due_at is null then
      delete from escalation_watches e
       where e.workspace_id = w.workspace_id and e.rule_id = w.rule_id and e.subject_id = w.subject_id and e.depth = 0
         and (e.cooldown_until is null or e.cooldown_until <= now());
      update escalation_watches e set due_at = case when e.depth > 0 then now() else e.cooldown_until end
       where e.workspace_id = w.workspace_id and e.rule_id = w.rule_id and e.subject_id = w.subject_id;
    else
      -- A rule that was deleted meanwhile takes its watches with it.
      insert into escalation_watches as e (organization_id, workspace_id, rule_id, subject_id, due_at)
      select p_organization, w.workspace_id, w.rule_id, w.subject_id, w.due_at
        from escalation_rules r where r.workspace_id = w.workspace_id and r.id = w.rule_id
         for key share of r
      on conflict (workspace_id, rule_id, subject_id) do update
         set due_at = case when e.depth > 0 then case when excluded.due_at > now() then now() else e.due_at end
                           else greatest(excluded.due_at, e.cooldown_until) end;
    end if;
  end loop;
end $$;
