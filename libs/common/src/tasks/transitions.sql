-- The moves of a task, as in domain/task-states.ts (a test holds one against the other), so that no statement at all takes a
-- task anywhere else. Who may make a move, and what it needs, is decided before.

create or replace function task_may_move(p_from text, p_to text) returns boolean language sql immutable as $$
  select p_to = any(case p_from
    when 'inbox' then array['assigned', 'in_progress', 'blocked', 'failed', 'cancelled']
    when 'assigned' then array['inbox', 'in_progress', 'blocked', 'review', 'done', 'failed', 'cancelled']
    when 'in_progress' then array['inbox', 'blocked', 'review', 'done', 'failed', 'cancelled']
    when 'blocked' then array['inbox', 'failed', 'cancelled']
    when 'review' then array['inbox', 'blocked', 'done', 'failed', 'cancelled']
    when 'failed' then array['inbox']
    else '{}'::text[] end)
$$;

create or replace function refuse_task_move() returns trigger language plpgsql as $$
begin
  raise exception 'task % may not move from % to %', new.id, old.status, new.status using errcode = 'check_violation';
end $$;

create or replace trigger tasks_move_by_table before update of status on tasks for each row
  when (old.status <> new.status and not task_may_move(old.status, new.status)) execute function refuse_task_move();
