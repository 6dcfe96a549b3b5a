import type { Mission } from './mission.js';
import type { Evidence } from './promises.js';

const TYPES = ['task.assigned', 'task.completed', 'task.failed', 'task.dead', 'task.released', 'lease.lost'];

/** What Houston says of a workspace, put beside what its agents did. */
export async function gather(mission: Mission, seen: Pick<Evidence, 'put' | 'diary' | 'deaths'>): Promise<Evidence> {
  const tasks = await mission.tasks();
  const events = (await Promise.all(TYPES.map((type) => mission.events(type)))).flat();
  const dead = await mission.all<{ taskId: string | null }>('/api/dead-letters?status=open');
  return { ...seen, tasks, events, deadTaskIds: dead.flatMap(({ taskId }) => taskId ?? []) };
}
