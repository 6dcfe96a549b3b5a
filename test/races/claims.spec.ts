import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { LeaseStore } from '../../apps/scheduler/src/leases/lease.store.js';
import { LostLeases } from '../../apps/scheduler/src/leases/lost-leases.js';
import { insertAgent } from '../factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';

interface Claim {
  verdict: string;
  id: string | null;
  fence: string | null;
  lease_id: string | null;
}

describe('claims that race', () => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await openTestDatabase({ poolSize: 24 });
  });
  afterEach(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const create = (count: number, fields: Record<string, unknown> = {}) =>
    query(`select create_tasks($1, $2, 'system', $3)`, [
      db.organizationId,
      db.workspaceId,
      JSON.stringify(
        Array.from({ length: count }, (_, n) => ({ id: newId(), title: `task ${n}`, priority: 'normal', ...fields })),
      ),
    ]);
  const claim = async (agentId: string): Promise<Claim> => {
    const [row] = await db.database.statement<Claim>(
      `select verdict, (task).id, (task).lease_fence as fence, (task).lease_id from claim_task($1, $2, $3, $4, true, 'system')`,
      [db.organizationId, db.workspaceId, agentId, newId()],
    );
    return row!;
  };

  it('lease each task once to twenty claimers, and leave none behind', async () => {
    const agents = await Promise.all(Array.from({ length: 20 }, () => insertAgent(db, { maxConcurrent: 50 })));
    await create(300);
    const work = async (agentId: string): Promise<string[]> => {
      const taken: string[] = [];
      for (;;) {
        const { verdict, id } = await claim(agentId);
        if (verdict !== 'claimed') return taken;
        taken.push(id!);
      }
    };
    const taken = (await Promise.all(agents.map((agent) => work(agent.id)))).flat();
    expect(taken).toHaveLength(300);
    expect(new Set(taken).size).toBe(300);
    const [row] = await query(
      'select count(*)::int as n, max(lease_fence)::int as fence from tasks where lease_id is not null',
    );
    expect(row).toEqual({ n: 300, fence: 1 });
  });

  it('never give an agent more than its capacity, however many claims it makes at once', async () => {
    const agent = await insertAgent(db, { maxConcurrent: 5 });
    await create(40);
    const claims = await Promise.all(Array.from({ length: 30 }, () => claim(agent.id)));
    const count = (verdict: string) => claims.filter((one) => one.verdict === verdict).length;
    expect([count('claimed'), count('at_capacity')]).toEqual([5, 25]);
  });

  it('take the urgent first, also among tasks of different demands', async () => {
    const agent = await insertAgent(db, { maxConcurrent: 100, capabilities: [{ name: 'a', level: 3 }] });
    await create(5, { priority: 'normal' });
    await create(5, { priority: 'urgent', required_capabilities: [{ name: 'a', minLevel: 1 }] });
    await create(5, { priority: 'urgent', required_capabilities: [{ name: 'b', minLevel: 1 }] });
    const order: string[] = [];
    for (let n = 0; n < 10; n += 1) {
      const { id } = await claim(agent.id);
      const [row] = await query<{ priority: string }>('select priority from tasks where id = $1', [id]);
      order.push(row!.priority);
    }
    expect(order).toEqual([...Array<string>(5).fill('urgent'), ...Array<string>(5).fill('normal')]);
    expect((await claim(agent.id)).verdict).toBe('none');
  });

  it('never leave a task with two live leases, nor let a stale fence write, whatever happens in which order', async () => {
    const agents = await Promise.all(Array.from({ length: 3 }, () => insertAgent(db, { maxConcurrent: 9 })));
    const duty = new LostLeases(db.database, new LeaseStore());
    const step = fc.record({
      act: fc.constantFrom('claim', 'beat', 'expire', 'reclaim', 'stale'),
      who: fc.nat({ max: 2 }),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 25 }), async (steps) => {
        await query('delete from tasks');
        await create(1, { retry_policy: { maximumAttempts: 1000 } });
        const held: Claim[] = [];
        const beat = async ({ id, lease_id: lease, fence }: Claim) => {
          const [row] = await db.database.statement<{ verdict: string }>(
            `select verdict from heartbeat_task($1, $2, $3, $4, $5, null, null, null, 'system')`,
            [db.organizationId, db.workspaceId, id, lease, fence],
          );
          return row!.verdict;
        };
        let isAlive = false;
        for (const { act, who } of steps) {
          if (act === 'claim') {
            const taken = await claim(agents[who]!.id);
            // Whoever had it must have lost it before somebody else gets it.
            expect(taken.verdict === 'claimed' && isAlive).toBe(false);
            if (taken.verdict === 'claimed') {
              expect(Number(taken.fence)).toBe(held.length + 1);
              held.push(taken);
              isAlive = true;
            }
          } else if (act === 'beat' && held.length > 0) {
            expect(await beat(held.at(-1)!)).toBe(isAlive ? 'held' : 'lease_lost');
          } else if (act === 'stale') {
            for (const old of held.slice(0, -1)) expect(await beat(old)).toBe('lease_lost');
          } else if (act === 'expire') {
            await query(`update tasks set lease_expires_at = now() - interval '1 second' where lease_id is not null`);
            isAlive = false;
          } else if (act === 'reclaim') {
            await Promise.all([duty.runOnce(), duty.runOnce()]);
          }
          const running = await query('select fence from task_attempts where ended_at is null');
          expect(running.length).toBeLessThanOrEqual(1);
        }
      }),
      { numRuns: 25 },
    );
  });
});
