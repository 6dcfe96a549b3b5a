-- In which order tasks are taken, and how long a low one can be overtaken.

-- The place of a task in the order of dispatch: its birth plus the handicap of its priority. A task is overtaken by later
-- ones of higher priority only while they are younger than it by less than the difference of the handicaps: a low task
-- stands before every task that is created more than 15 minutes after it.
create or replace function dispatch_place(p_created timestamptz, p_priority text) returns timestamptz language sql immutable as $$
  select p_created + case p_priority when 'urgent' then interval '0' when 'high' then interval '1 minute'
                                     when 'normal' then interval '5 minutes' else interval '15 minutes' end
$$;
