-- When an agent works: a weekly schedule of local times in its zone.
--
-- Windows are judged by the clock on the wall: a gap of daylight saving is simply never reached, and an hour that comes
-- twice counts twice. A window whose end is not after its beginning runs past midnight.

-- p_availability  [{day: 1 (Monday) to 7, from: 'HH:MM', to: 'HH:MM', up to '24:00'}]; null: always
create or replace function agent_available(p_availability jsonb, p_timezone text, p_at timestamptz)
returns boolean language sql stable as $$
  select p_availability is null or exists (
    select from jsonb_array_elements(p_availability) w,
           lateral (select p_at at time zone p_timezone as wall) l,
           lateral (select extract(isodow from l.wall)::int as today, to_char(l.wall, 'HH24:MI') as clock) c,
           lateral (select (w->>'day')::int as day, w->>'from' as opens, w->>'to' as closes) d
     where case when d.opens < d.closes then d.day = c.today and c.clock >= d.opens and c.clock < d.closes
                else (d.day = c.today and c.clock >= d.opens) or (d.day % 7 + 1 = c.today and c.clock < d.closes) end)
$$;

-- The first moment from p_at on at which it works; null when its schedule has no windows.
-- Beside each window's beginning stand the half hours around it: where the clock is put forward over a beginning, the
-- work begins at the change, and where it is put back, at the first of the two.
create or replace function agent_available_from(p_availability jsonb, p_timezone text, p_at timestamptz)
returns timestamptz language sql stable as $$
  select case when agent_available(p_availability, p_timezone, p_at) then p_at else (
    select min(candidate)
      from jsonb_array_elements(p_availability) w,
           generate_series(0, 8) as n,
           lateral (select ((p_at at time zone p_timezone)::date + n) as date) d,
           lateral (select (d.date + (w->>'from')::time) at time zone p_timezone as opens) o,
           lateral (select date_bin('30 minutes', o.opens, timestamptz '2000-01-01Z') as floor) f,
           lateral unnest(array[o.opens, o.opens - interval '30 minutes', o.opens - interval '1 hour',
                                f.floor, f.floor - interval '30 minutes']) as candidate
     where (w->>'day')::int = extract(isodow from d.date)
       and candidate >= p_at and agent_available(p_availability, p_timezone, candidate)) end
$$;
