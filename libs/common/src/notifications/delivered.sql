-- Writes down that an attempt has arrived: its notification and its attempt, in one statement that is its own transaction.
--
-- p_number    of the attempt
-- p_status    of HTTP or SMTP; null where the channel has none
-- Answers false, and writes nothing, when the attempt's claim is not the present one any more.
create or replace function notification_delivered(
  p_organization uuid, p_workspace uuid, p_id uuid, p_number int, p_at timestamptz, p_duration_ms int, p_status int,
  p_response text)
returns boolean language plpgsql as $$
begin
  perform enter_tenant(p_organization, p_workspace);
  update notifications
     set status = 'delivered', delivered_at = clock_timestamp(), last_error = null, next_attempt_at = null, reply_url = null,
         digest_open = false, interruption_count = 0, claimed_until = null, claimed_at = null
   where workspace_id = p_workspace and id = p_id and attempt_count = p_number and claimed_until is not null;
  if not found then
    return false;
  end if;
  insert into notification_attempts (organization_id, workspace_id, notification_id, number, at, duration_ms, status, response)
  values (p_organization, p_workspace, p_id, p_number, p_at, p_duration_ms, p_status, p_response)
  on conflict (workspace_id, notification_id, number) do update
     set duration_ms = excluded.duration_ms, status = excluded.status, error_class = null, response = excluded.response;
  return true;
end $$;
