import fc from 'fast-check';
import type { Tx } from '@houston/common/db/database.js';
import { failedMove, returnedMove } from '@houston/common/tasks/task-move.js';
import { moveTasks, shareEdges } from '@houston/common/tasks/task-moves.store.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { v7 as newId } from 'uuid';
import { LeaseStore } from '../../apps/scheduler/src/leases/lease.store.js';
import { LostLeases } from '../../apps/scheduler/src/leases/lost-leases.js';
import { insertAgent } from '../factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

const AGENTS = 4;
const TASKS = 3;
const ACTS = ['claim', 'claim', 'claim', 'beat', 'fail', 'release', 'complete', 'expire', 'reclaim'] as const;

interface Lease {
  task: string;
  id: string;
  fence: number;
}

describe('leases of tasks under many hands', () => {
  let db: TestDatabase;
  let duty: LostLeases;
  let agents: string[];
  /** Every lease that was ever given. */
  let given: Lease[];
  /** Leases by which somebody was allowed to end an attempt. */
  let ended: Lease[];

  beforeAll(async () => {
    db = await openTestDatabase({ poolSize: 16 });
    duty = new LostLeases(db.database, new LeaseStore());
    agents = [];
    for (let n = 0; n < AGENTS; n += 1) agents.push((await insertAgent(db, { maxConcurrent: 3 })).id);
    // Nobody is judged here by what becomes of it.
    await query(`update agents set breaker = '{"minimumTasks": 100}'`);
  });
  afterAll(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const begin = async () => {
    await query('delete from tasks');
    await query('select create_tasks($1, $2, $3, $4)', [
      ...[db.organizationId, db.workspaceId, 'system'],
      JSON.stringify(
        Array.from({ length: TASKS }, () => ({
          ...{ id: newId(), title: 'task', priority: 'normal' },
          retry_policy: { maximumAttempts: 1_000, initialInterval: 0.001, maximumInterval: 0.001 },
        })),
      ),
    ]);
    given = [];
    ended = [];
  };
  const claim = async (agent: string) => {
    const [row] = await db.database.statement<{ verdict: string; task: string; id: string; fence: string }>(
      `select verdict, (task).id as task, (task).lease_id as id, (task).lease_fence as fence
         from claim_task($1, $2, $3, $4, true, 'system')`,
      [db.organizationId, db.workspaceId, agent, newId()],
    );
    if (row?.verdict === 'claimed') given.push({ task: row.task, id: row.id, fence: Number(row.fence) });
  };
  const judge = async (tx: Tx, { task, id, fence }: Lease): Promise<TaskRow | null> => {
    const [row] = await tx.query<TaskRow & { verdict: string }>(
      'select j.verdict, (j.task).* from judge_lease($1, $2, $3, $4, null) j',
      [db.workspaceId, task, id, fence],
    );
    return row?.verdict === 'held' ? row : null;
  };
  const end = (lease: Lease, how: 'fail' | 'release' | 'complete') =>
    db.database.inOrganization(db.organizationId, async (tx) => {
      await shareEdges(tx, db.workspaceId);
      const task = await judge(tx, lease);
      if (!task) return;
      const moves = {
        fail: failedMove(task, { kind: 'transient', error: 'no' }, 'system'),
        release: returnedMove(task, { kind: 'released' }, 'system'),
        complete: {
          ...{ workspace_id: db.workspaceId, id: task.id, to: 'done' as const, actor: 'system', result: 1 },
          ...{ attempt: { kind: 'succeeded' as const }, events: [{ type: 'task.completed' }] },
        },
      };
      await moveTasks(tx, [moves[how]]);
      ended.push(lease);
    });
  const perform = async (act: (typeof ACTS)[number], who: number, which: number): Promise<unknown> => {
    const lease = given[which % Math.max(1, given.length)];
    switch (act) {
      case 'claim':
        return claim(agents[who]!);
      case 'reclaim':
        await query('update tasks set next_retry_at = null, retry_reason = null where next_retry_at is not null');
        return duty.runOnce();
      case 'expire':
        return query(
          `update tasks set lease_expires_at = clock_timestamp() - interval '1 second' where lease_agent_id = $1`,
          [agents[who]],
        );
      case 'beat':
        return (
          lease &&
          query(`select verdict from heartbeat_task($1, $2, $3, $4, $5, null, null, null, 'system')`, [
            ...[db.organizationId, db.workspaceId, lease.task, lease.id, lease.fence],
          ])
        );
      case 'fail':
      case 'release':
      case 'complete':
        return lease && end(lease, act);
    }
  };
  const verify = async () => {
    const wrong = await query(
      `select t.id, t.status, t.lease_fence, a.running, a.count, a.last
         from tasks t,
              lateral (select count(*) as count, coalesce(max(fence), 0) as last,
                              coalesce(array_agg(fence) filter (where ended_at is null), '{}') as running
                         from task_attempts x where x.workspace_id = t.workspace_id and x.task_id = t.id) a
        where a.count <> t.lease_fence or a.last <> t.lease_fence
           or a.running <> case when t.lease_id is null then '{}' else array[t.lease_fence] end
           or (t.lease_id is null) <> (t.status <> 'in_progress')`,
    );
    expect(wrong).toEqual([]);
    const crowded = await query(
      'select lease_agent_id from tasks where lease_agent_id is not null group by 1 having count(*) > 3',
    );
    expect(crowded).toEqual([]);
    const key = ({ task, fence }: Lease) => `${task} ${fence}`;
    expect(new Set(given.map(key)).size).toBe(given.length);
    expect(new Set(ended.map(key)).size).toBe(ended.length);
  };

  it('are one at a time for each task: each fence is given once, ends once, and nobody ends what he has lost', async () => {
    const step = fc.record({
      act: fc.constantFrom(...ACTS),
      who: fc.nat({ max: AGENTS - 1 }),
      which: fc.nat({ max: 50 }),
    });
    const rounds = fc.array(fc.array(step, { minLength: 2, maxLength: 10 }), { minLength: 3, maxLength: 8 });
    await fc.assert(
      fc.asyncProperty(rounds, async (plan) => {
        await begin();
        for (const round of plan) {
          const before = new Set(ended.map(({ task, fence }) => `${task} ${fence}`));
          const stale = given.filter(({ task, fence }) =>
            given.some((later) => later.task === task && later.fence > fence),
          );
          await Promise.all(round.map(({ act, who, which }) => perform(act, who, which)));
          await verify();
          // Whoever had lost a task before this round has ended nothing in it.
          const now = ended.filter(({ task, fence }) => !before.has(`${task} ${fence}`));
          expect(now.filter((lease) => stale.includes(lease))).toEqual([]);
        }
      }),
      { numRuns: 30, endOnFailure: true },
    );
  }, 120_000);
});
