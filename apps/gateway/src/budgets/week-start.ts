/** The days a week can start on, in ISO order: the first is 1. */
export const WEEK_DAYS = ['monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday'] as const;

export type WeekDay = (typeof WEEK_DAYS)[number];

/** A day by its English name in any case, or by its ISO number; anything else comes back as it was. */
export function weekDayOf(value: unknown): unknown {
  if (typeof value === 'string') return value.toLowerCase();
  return typeof value === 'number' ? (WEEK_DAYS[value - 1] ?? value) : value;
}

/** @returns 1 for Monday to 7 for Sunday */
export function isoWeekDay(day: WeekDay): number {
  return WEEK_DAYS.indexOf(day) + 1;
}
