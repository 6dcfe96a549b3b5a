import { DateTime } from 'luxon';

/** When a member wants to be left alone, every day: `from` and `to` are `HH:MM` of the zone's clocks. */
export interface QuietHours {
  from: string;
  /** At or before `from`: of the next day. */
  to: string;
  /** IANA zone. */
  timezone: string;
}

/** The end of the quiet hours that `at` lies in; null when it lies in none. The same time twice means no quiet at all. */
export function quietUntil({ from, to, timezone }: QuietHours, at: Date): Date | null {
  const local = DateTime.fromJSDate(at, { zone: timezone });
  if (!local.isValid || from === to) return null;
  // What began yesterday may still last.
  for (const day of [local.minus({ days: 1 }), local]) {
    const start = onDay(day, from);
    const end = onDay(to > from ? day : day.plus({ days: 1 }), to);
    if (start <= local && local < end) return end.toJSDate();
  }
  return null;
}

function onDay(day: DateTime, time: string): DateTime {
  const [hour = 0, minute = 0] = time.split(':').map(Number);
  return day.set({ hour, minute, second: 0, millisecond: 0 });
}
