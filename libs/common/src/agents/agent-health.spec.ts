import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';

const TASKS = 8;
const FAILURES = ['transient', 'permanent', 'abandoned', 'stalled', 'timeout'] as const;
const SILENT = ['released', 'quota', 'budget', 'blocked', 'cancelled'] as const;

interface End {
  task: number;
  kind: (typeof FAILURES)[number] | (typeof SILENT)[number] | 'succeeded' | 'unacknowledged';
}

interface Breaker {
  failureRate: number;
  minimumTasks: number;
  unansweredOffers: number;
}

const isFailure = (kind: string) => (FAILURES as readonly string[]).includes(kind);

/** What the breaker should say after these ends, by its own words. */
function expected(ends: readonly End[], { failureRate, minimumTasks, unansweredOffers }: Breaker): string {
  const last = ends.at(-1)!.kind;
  if (last !== 'unacknowledged' && !isFailure(last)) return 'closed';
  const offers = ends.slice(-unansweredOffers);
  if (offers.length === unansweredOffers && offers.every(({ kind }) => kind === 'unacknowledged')) return 'deaf';
  const verdicts = new Map(
    ends.filter(({ kind }) => kind === 'succeeded' || isFailure(kind)).map(({ task, kind }) => [task, isFailure(kind)]),
  );
  const failed = [...verdicts.values()].filter(Boolean).length;
  return verdicts.size >= minimumTasks && failed >= failureRate * verdicts.size ? 'failing' : 'closed';
}

describe('the breaker of an agent', () => {
  let db: TestDatabase;
  let tasks: string[];

  beforeAll(async () => {
    db = await openTestDatabase();
    tasks = Array.from({ length: TASKS }, () => newId());
    await query('select create_tasks($1, $2, $3, $4)', [
      ...[db.organizationId, db.workspaceId, 'system'],
      JSON.stringify(tasks.map((id) => ({ id, title: 'task', priority: 'normal' }))),
    ]);
  });
  afterAll(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  /** Each end in a transaction of its own, as in life. @returns where the breaker stands */
  const end = async (agent: string, { task, kind }: End, fence: number) => {
    await query(
      `with ended as (
         insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, started_at, ended_at, kind)
         values ($1, $2, $3, $4, 1, $5, now(), now(), $6) returning agent_id)
       select judge_agents($1, array(select agent_id from ended), case when $7 then array[$5::uuid] else '{}' end, 'system')`,
      [
        ...[db.organizationId, db.workspaceId, tasks[task], fence, agent, kind],
        kind === 'unacknowledged' || isFailure(kind),
      ],
    );
    const [row] = await query<{ reason: string | null }>(
      'select degraded_reason as reason from agent_presence where agent_id = $1',
      [agent],
    );
    return row?.reason ?? 'closed';
  };

  it('opens by its rule and by nothing else, at the first end that fulfils it', async () => {
    const kinds = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(...FAILURES) },
      { weight: 2, arbitrary: fc.constant('succeeded' as const) },
      { weight: 2, arbitrary: fc.constant('unacknowledged' as const) },
      { weight: 1, arbitrary: fc.constantFrom(...SILENT) },
    );
    const ends = fc.array(fc.record({ task: fc.nat({ max: TASKS - 1 }), kind: kinds }), {
      minLength: 1,
      maxLength: 25,
    });
    const breaker = fc.record({
      failureRate: fc.constantFrom(0.25, 0.5, 0.75, 1),
      minimumTasks: fc.integer({ min: 1, max: 6 }),
      unansweredOffers: fc.integer({ min: 1, max: 4 }),
    });
    await fc.assert(
      fc.asyncProperty(ends, breaker, async (plan, wanted) => {
        await query('delete from task_attempts');
        const { id } = await insertAgent(db);
        await query('update agents set breaker = $2 where id = $1', [id, JSON.stringify(wanted)]);
        for (let n = 0; n < plan.length; n += 1) {
          const told = plan.slice(0, n + 1);
          const stands = await end(id, plan[n]!, n + 1);
          expect([told, stands]).toEqual([told, expected(told, wanted)]);
          if (stands !== 'closed') return;
        }
      }),
      { numRuns: 40 },
    );
  }, 120_000);

  it('never stays open for longer than an hour, and twice as long each time until then', async () => {
    const { id } = await insertAgent(db);
    const opened: number[] = [];
    for (let trip = 0; trip < 8; trip += 1) {
      await query(`select open_breaker($1, $2, 'failing', 'system', '{}')`, [db.organizationId, id]);
      const [row] = await query<{ seconds: number }>(
        `select round(extract(epoch from (data->>'until')::timestamptz - time))::int as seconds from events
          where type = 'agent.breaker_opened' and subject = $1 order by seq desc limit 1`,
        [`agent:${id}`],
      );
      opened.push(row!.seconds);
    }
    expect(opened).toEqual([120, 240, 480, 960, 1_920, 3_600, 3_600, 3_600]);
  });
});
