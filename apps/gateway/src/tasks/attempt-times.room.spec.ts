import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { until } from '../../../../test/support/until.js';

/** How pick_task locks an agent. */
const LOCK_OF_AGENT = 'select pg_advisory_xact_lock(hashtextextended($1::text, 9))';

describe('the times of attempts', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const waits = async () =>
    (await query(`select from pg_locks where locktype = 'advisory' and not granted and pid <> pg_backend_pid()`))
      .length;

  it('do not overlap, though the claim had been waiting before the attempt before it ended', async () => {
    const [first, second] = [await insertAgent(gateway.db), await insertAgent(gateway.db)];
    const { id } = await createTask(gateway.owner);
    const { lease } = await claim(gateway.owner, first.id);
    let claimed: Promise<{ task: { id: string }; lease: { fence: number } }> | undefined;
    await gateway.db.database.inOrganization(gateway.db.organizationId, async (tx) => {
      await tx.query(LOCK_OF_AGENT, [second.id]);
      claimed = claim(gateway.owner, second.id);
      await until(async () => (await waits()) === 1);
      bodyOf(await gateway.owner.post(`/api/tasks/${id}/release`, { lease }), 200);
    });
    expect(await claimed).toMatchObject({ task: { id }, lease: { fence: 2 } });
    const [before, after] = await query<{ started_at: Date; ended_at: Date }>(
      'select started_at, ended_at from task_attempts where task_id = $1 order by fence',
      [id],
    );
    expect(after!.started_at.getTime()).toBeGreaterThanOrEqual(before!.ended_at.getTime());
    const [task] = await query<{ leased_at: Date; status_since: Date }>(
      'select leased_at, status_since from tasks where id = $1',
      [id],
    );
    expect(task).toEqual({ leased_at: after!.started_at, status_since: after!.started_at });
  });
});
