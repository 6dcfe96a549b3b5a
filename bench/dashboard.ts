import type { LabDatabase } from './lab.js';
import { OWNER_KEY } from './lab.js';
import type { Latencies } from './assignments.js';

export const STORED_TASKS = 100_000;
const REQUESTS = 200;

/** Tasks of every age and status, as they lie about after a busy month. */
export async function seedTasks({ client, organizationId, workspaceId }: LabDatabase): Promise<void> {
  await client.query(
    `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, blocker_reason,
                        evidence_ref, created_at, status_since, ended_at)
     select $1, $2, gen_random_uuid(), 'Task ' || n, s.status, (array['urgent', 'high', 'normal', 'low'])[1 + n % 4],
            now() - n * interval '20 seconds', 'system', case s.status when 'blocked' then 'Waits' end,
            case when s.status in ('done', 'review') then 'kept' end, now() - n * interval '20 seconds',
            now() - n * interval '20 seconds',
            case when s.status in ('done', 'failed', 'cancelled') then now() - n * interval '10 seconds' end
       from generate_series(1, $3) n
      cross join lateral (select (array['done', 'done', 'inbox', 'done', 'inbox', 'failed', 'done', 'review', 'blocked', 'cancelled'])[1 + n % 10]
                             as status) s`,
    [organizationId, workspaceId, STORED_TASKS],
  );
  await client.query('analyze');
}

/** The state of the workspace, asked for again and again. */
export async function measureDashboard(url: string): Promise<Latencies> {
  const tookMs: number[] = [];
  for (let n = 0; n < REQUESTS; n += 1) {
    const from = performance.now();
    const answer = await fetch(`${url}/api/dashboard/state`, { headers: { authorization: `Bearer ${OWNER_KEY}` } });
    await answer.json();
    if (answer.status !== 200) throw new Error(`GET /api/dashboard/state: ${answer.status}`);
    tookMs.push(performance.now() - from);
  }
  tookMs.sort((a, b) => a - b);
  const at = (share: number) => Number((tookMs[Math.floor((REQUESTS - 1) * share)] ?? Number.NaN).toFixed(1));
  return { p50Ms: at(0.5), p95Ms: at(0.95) };
}
