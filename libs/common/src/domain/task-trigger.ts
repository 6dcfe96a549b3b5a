/** Marks the tasks by which a schedule wakes an agent. */
export const HEARTBEAT_TAG = 'heartbeat';
/** Who makes the tasks of schedules: `schedule:<id>`. */
const SCHEDULE_ACTOR = 'schedule:';

/** What makes an agent run when it takes a task up. */
export function taskTrigger(
  createdBy: string,
  tags: readonly string[],
  parentId: string | null,
): 'cron' | 'heartbeat' | 'delegation' | 'manual' {
  if (createdBy.startsWith(SCHEDULE_ACTOR)) return tags.includes(HEARTBEAT_TAG) ? 'heartbeat' : 'cron';
  return parentId === null ? 'manual' : 'delegation';
}
