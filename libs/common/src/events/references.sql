-- Ids as the ledger writes them, for joins by the keys of tables. What is no such id is null: events outlive the code that
-- wrote them.

create or replace function uuid_or_null(p_text text) returns uuid language sql immutable as $$
  select case when p_text ~ '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$' then p_text::uuid end
$$;

-- The key of an actor such as key:<id>.
create or replace function key_of_actor(p_actor text) returns uuid language sql immutable as $$
  select case when p_actor like 'key:%' then uuid_or_null(substr(p_actor, 5)) end
$$;
