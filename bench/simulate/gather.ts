import { setTimeout as sleep } from 'node:timers/promises';
import type { EscalationSeen, Mission } from './mission.js';
import { type Evidence, judge } from './promises.js';

const TYPES = ['task.assigned', 'task.completed', 'task.failed', 'task.dead', 'task.released', 'lease.lost'];

const SETTLED_WITHIN_MS = 20_000;
const LOOK_MS = 500;

/** What Houston says of a workspace, put beside what its agents did. What follows from the last failure comes a little later. */
export async function gather(mission: Mission, seen: Pick<Evidence, 'put' | 'diary' | 'deaths'>): Promise<Evidence> {
  for (const end = performance.now() + SETTLED_WITHIN_MS; ; await sleep(LOOK_MS)) {
    const evidence = await look(mission, seen);
    if (performance.now() > end || judge(evidence).every(({ kept }) => kept)) return evidence;
  }
}

async function look(mission: Mission, seen: Pick<Evidence, 'put' | 'diary' | 'deaths'>): Promise<Evidence> {
  const tasks = await mission.tasks();
  const events = (await Promise.all(TYPES.map((type) => mission.events(type)))).flat();
  const dead = await mission.all<{ taskId: string | null }>('/api/dead-letters?status=open');
  const rules = await mission.all<{ id: string; trigger: string }>('/api/escalation-rules?');
  const rule = rules.find(({ trigger }) => trigger === 'failedAttempts');
  const escalations = rule ? await mission.all<EscalationSeen>(`/api/escalations?ruleId=${rule.id}`) : [];
  return { ...seen, tasks, events, deadTaskIds: dead.flatMap(({ taskId }) => taskId ?? []), escalations };
}
