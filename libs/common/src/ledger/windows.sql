-- Budget windows are derived from (period, zone, now) when used; there is no reset job that could be late.
-- A day is a calendar day of the zone: 23, 24 or 25 hours long, where a zone changes its mind also more.

-- The first instant of a local date in a zone. Where a clock change repeats midnight, the earlier one; where it skips
-- midnight, the first instant that exists.
create or replace function first_instant(p_local timestamp, p_zone text) returns timestamptz language plpgsql stable as $$
declare
  v_at timestamptz := p_local at time zone p_zone;
  v_back interval;
begin
  if (v_at - interval '3 hours') at time zone p_zone <> p_local - interval '3 hours' then
    -- The clock was put back by half an hour up to three, as somewhere it was.
    foreach v_back in array array['3 hours', '2 hours', '1 hour', '30 minutes']::interval[] loop
      if (v_at - v_back) at time zone p_zone = p_local then
        return v_at - v_back;
      end if;
    end loop;
  end if;
  return v_at;
end $$;

-- The window that holds p_at. p_week_start: ISO weekday, 1 is Monday. A total budget has one endless window.
create or replace function budget_window(
  p_period text, p_zone text, p_week_start int, p_at timestamptz, out window_start timestamptz, out window_end timestamptz
) language plpgsql stable as $$
declare
  v_local timestamp;
begin
  if p_period = 'total' then
    window_start := 'epoch';
    window_end := 'infinity';
    return;
  end if;
  v_local := date_trunc(case p_period when 'month' then 'month' else 'day' end, p_at at time zone p_zone);
  if p_period = 'week' then
    v_local := v_local - make_interval(days => (extract(isodow from v_local)::int - p_week_start + 7) % 7);
  end if;
  window_start := first_instant(v_local, p_zone);
  window_end := first_instant(v_local + ('1 ' || p_period)::interval, p_zone);
end $$;
