-- Who a transaction speaks for, and where in the ledger it writes.

-- Sets the tenant of the running transaction. p_workspace null: all workspaces of the organization.
-- Throws when the transaction already speaks for another tenant: that would be a leak.
create or replace function enter_tenant(p_organization uuid, p_workspace uuid) returns void language plpgsql as $$
declare
  v_before text := current_setting('houston.organization_id', true);
begin
  if v_before <> '' and v_before <> p_organization::text then
    raise exception 'transaction of organization % may not enter organization %', v_before, p_organization;
  end if;
  perform set_config('houston.organization_id', p_organization::text, true),
          set_config('houston.workspace_id', coalesce(p_workspace::text, ''), true),
          set_config('houston.whole_organization', case when p_workspace is null then 'on' else 'off' end, true);
end $$;

-- Admissions hold this lock shared for a batch; whatever changes budgets holds it exclusively, so that no run is ever
-- admitted against a limit, a scope or a counter that is being changed.
create or replace function lock_money_shared(p_organization uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock_shared(hashtextextended(p_organization::text, 7))
$$;

create or replace function lock_money_exclusively(p_organization uuid) returns void language sql volatile as $$
  select pg_advisory_xact_lock(hashtextextended(p_organization::text, 7))
$$;

-- Nano-USD as a decimal string in USD without trailing zeros.
create or replace function nano_to_usd(p_nano bigint) returns text language sql immutable as $$
  select trim_scale(p_nano::numeric / 1000000000)::text
$$;
