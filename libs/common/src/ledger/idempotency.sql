-- Answers kept under Idempotency-Keys, for whole batches of one organization. A key may stand only once in a batch.
--
-- A plan may have been made while the table was empty, and is kept: batches that pass for one row (rows 1) and the
-- settings leave the planner only the way by primary key.

create or replace function asked_keys(p_requests jsonb)
returns table (workspace_id uuid, key text, request_hash text, n bigint) language sql volatile rows 1 as $$
  select * from rows from (jsonb_to_recordset(p_requests) as (workspace_id uuid, key text, request_hash text)) with ordinality
$$;

create or replace function given_answers(p_answers jsonb)
returns table (workspace_id uuid, key text, claim text, outcome text, status int, body text) language sql volatile rows 1 as $$
  select * from jsonb_to_recordset(p_answers) as a(workspace_id uuid, key text, claim text, outcome text, status int, body text)
$$;

-- p_requests  [{workspace_id, key, request_hash}]
-- Returns, per request in order
--   claimed   the caller is the one to do it. `born` is the same for every attempt under this key, `claim` names this one.
--             A claim whose process died is free again after a minute, for the same request only.
--   replay    it was done: the answer
--   running   somebody is doing it
--   reused    the key belongs to another request
create or replace function claim_idempotency_keys(p_organization uuid, p_requests jsonb)
returns table (verdict text, born text, claim text, status int, body text) language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
#variable_conflict use_column
begin
  perform enter_tenant(p_organization, null);
  delete from idempotency_keys where (workspace_id, key) in (
    select k.workspace_id, k.key from idempotency_keys k
      join asked_keys(p_requests) r on k.workspace_id = r.workspace_id and k.key = r.key
     where k.created_at < now() - interval '24 hours' order by 1, 2 for update of k);
  return query
  with request as materialized (
    select * from asked_keys(p_requests)
  ), claimed as (
    insert into idempotency_keys as k (organization_id, workspace_id, key, request_hash, locked_until)
    select p_organization, r.workspace_id, r.key, r.request_hash, now() + interval '1 minute' from request r order by 2, 3
    on conflict (workspace_id, key) do update set locked_until = excluded.locked_until
      where k.status is null and k.locked_until < now() and k.request_hash = excluded.request_hash
    returning k.workspace_id, k.key, k.created_at, k.locked_until
  )
  select case when c.key is not null then 'claimed'
              when k.key is null then 'running' -- written a moment ago: too new for this statement to see
              when k.request_hash <> r.request_hash then 'reused'
              when k.status is null then 'running'
              else 'replay' end,
         extract(epoch from c.created_at)::text, extract(epoch from c.locked_until)::text, k.status, k.body
    from request r
    left join claimed c on c.workspace_id = r.workspace_id and c.key = r.key
    left join lateral (
      select * from idempotency_keys k where k.workspace_id = r.workspace_id and k.key = r.key offset 0
    ) k on true
   order by r.n;
end $$;

-- p_answers  [{workspace_id, key, claim, outcome, status?, body?}]
-- Outcomes
--   done      the answer is kept, unless another attempt was faster
--   refused   nothing was done: the key is free for any request
--   unknown   it may have been done: the key is free at once, for the same request only, which will find what was done
-- Whoever lost the claim to a later attempt takes nothing away from it.
create or replace function settle_idempotency_keys(p_organization uuid, p_answers jsonb) returns void language plpgsql
set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off as $$
begin
  perform enter_tenant(p_organization, null);
  perform 1 from idempotency_keys k
    join given_answers(p_answers) a on a.workspace_id = k.workspace_id and a.key = k.key
   order by k.workspace_id, k.key for update of k;
  update idempotency_keys k
     set status = a.status, body = a.body, locked_until = case a.outcome when 'unknown' then '-infinity'::timestamptz end
    from given_answers(p_answers) a
   where a.workspace_id = k.workspace_id and a.key = k.key and k.status is null
     and (a.outcome = 'done' or a.outcome = 'unknown' and a.claim = extract(epoch from k.locked_until)::text);
  delete from idempotency_keys k
   using given_answers(p_answers) a
   where a.workspace_id = k.workspace_id and a.key = k.key and k.status is null
     and a.outcome = 'refused' and a.claim = extract(epoch from k.locked_until)::text;
end $$;

-- Forgets up to p_limit keys that are older than 24 hours. Returns how many.
create or replace function forget_idempotency_keys(p_organization uuid, p_limit int) returns int language plpgsql
set enable_seqscan = off as $$
declare
  v_count int;
begin
  perform enter_tenant(p_organization, null);
  delete from idempotency_keys where ctid = any(array(
    select ctid from idempotency_keys
     where organization_id = p_organization and created_at < now() - interval '24 hours'
     order by created_at limit p_limit for update skip locked));
  get diagnostics v_count = row_count;
  return v_count;
end $$;
