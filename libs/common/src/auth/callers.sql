-- Who presents these keys, and which workspace each asks for. One call answers all requests that arrived together.
--
-- p_hashes[i]  SHA-256 of the key of request i, hex
-- p_refs[i]    the workspace it names (slug or id), '' for none: then the key's own, or the one called default
-- role: what both the key and the member it belongs to may; a member removed meanwhile has no keys left.
-- policy_version: what is decided for the request rests on a policy no older than this.
-- Returns a row for each request whose key is valid now; workspace_* are null when it may not enter that workspace.
create or replace function resolve_callers(p_hashes text[], p_refs text[])
returns table (n int, key_id uuid, organization_id uuid, key_workspace_id uuid, agent_id uuid, member_id uuid, role text, key_name text, prefix text,
               workspace_id uuid, workspace_slug text, workspace_name text, workspace_timezone text, workspace_settings jsonb,
               policy_version bigint)
language plpgsql as $$
#variable_conflict use_column
declare
  v_organization uuid;
begin
  perform set_config('houston.presented_keys', array_to_string(p_hashes, ','), true);
  for v_organization in
    select distinct k.organization_id from api_keys k where k.key_hash = any(p_hashes)
  loop
    perform set_config('houston.organization_id', v_organization::text, true),
            set_config('houston.whole_organization', 'on', true);
    return query
      select r.n::int, k.id, k.organization_id, k.workspace_id, k.agent_id, k.member_id, weaker_role(k.role, m.role), k.name, k.prefix,
             w.id, w.slug, w.name, w.timezone, w.settings, o.policy_version
        from unnest(p_hashes, p_refs) with ordinality as r(hash, ref, n)
        join organizations o on o.id = v_organization
        join api_keys k on k.key_hash = r.hash and k.organization_id = v_organization
         and k.revoked_at is null and (k.expires_at is null or k.expires_at > now())
        left join members m on m.workspace_id = k.workspace_id and m.id = k.member_id
        left join workspaces w
          on w.organization_id = v_organization
         and (k.workspace_id is null or w.id = k.workspace_id)
         and case when r.ref <> '' then w.slug = r.ref or w.id::text = r.ref
                  when k.workspace_id is null then w.slug = 'default'
                  else true end;
  end loop;
  perform set_config('houston.presented_keys', '', true);
end $$;

-- The role of the two that may do less; null stands for no limit.
create or replace function weaker_role(p_one text, p_other text) returns text language sql immutable as $$
  select r from unnest(array['viewer', 'agent', 'member', 'admin', 'owner']) with ordinality as ranks(r, rank)
   where r in (p_one, p_other) order by rank limit 1
$$;
