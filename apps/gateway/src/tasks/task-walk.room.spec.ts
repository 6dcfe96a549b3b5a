import { allowedMoves, mayMove, TASK_STATUSES, type TaskStatus } from '@houston/common/domain/task-states.js';
import { v7 as newId } from 'uuid';
import { taskDuties } from '../../../../test/support/duties.js';
import { claim, createTask, insertAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

interface Held {
  id: string;
  lease: { id: string; fence: number };
}

/** Everything that any status could need. */
const PROOFS = { blockerReason: 'no access', evidenceRef: 'https://example.com/1', message: 'look' };

describe('a task walks by the table', () => {
  let gateway: TestGateway;
  let duties: ReturnType<typeof taskDuties>;
  let agent: { id: string };

  beforeAll(async () => {
    gateway = await startGateway();
    duties = taskDuties(gateway.db.database);
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    await query('delete from tasks');
    // Nobody is judged by what this walk makes of it.
    agent = await insertAgent(gateway.db, { maxConcurrent: 50 });
    await query(`update agents set breaker = '{"minimumTasks": 100}' where id = $1`, [agent.id]);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async (id: string) => bodyOf<TaskJson>(await gateway.owner.get(`/api/tasks/${id}`), 200);
  const post = (path: string, body: object) => gateway.owner.post(path, body);
  const transition = (id: string, to: TaskStatus) => post(`/api/tasks/${id}/transition`, { to, ...PROOFS });
  const offer = async (): Promise<Held['lease']> => {
    const [row] = await query<{ id: string; fence: string }>(
      `select (task).lease_id as id, (task).lease_fence as fence from claim_task($1, $2, $3, $4, false, 'system')`,
      [gateway.db.organizationId, gateway.db.workspaceId, agent.id, newId()],
    );
    return { id: row!.id, fence: Number(row!.fence) };
  };
  /** A task in a status, as it gets there in life, and the last lease somebody had on it. */
  const bring = async (status: TaskStatus): Promise<Held> => {
    const { id } = await createTask(gateway.owner);
    const none = { id, lease: { id: newId(), fence: 1 } };
    if (status === 'inbox') return none;
    if (status === 'assigned') return { id, lease: await offer() };
    const { lease } = await claim(gateway.owner, agent.id);
    const held = { id, lease: { id: lease.id, fence: lease.fence } };
    if (status === 'failed') {
      bodyOf(await post(`/api/tasks/${id}/fail`, { lease: held.lease, kind: 'permanent', error: 'no' }), 200);
    } else if (status !== 'in_progress') bodyOf(await transition(id, status), 200);
    return held;
  };

  it.each(TASK_STATUSES)('from %s: a person moves it where the table says, and is told where else', async (from) => {
    for (const to of TASK_STATUSES) {
      const { id } = await bring(from);
      const answer = await transition(id, to);
      if (mayMove(from, to, 'person')) {
        expect([from, to, answer.status, (await read(id)).status]).toEqual([from, to, 200, to]);
      } else {
        expect([from, to, answer.status]).toEqual([from, to, 409]);
        expect(answer.body).toMatchObject({
          ...{ code: 'illegal_transition', from, to },
          allowed: allowedMoves(from, 'person'),
        });
        expect((await read(id)).status).toBe(from);
      }
      await query('delete from tasks');
    }
  });

  it.each(TASK_STATUSES)(
    'from %s: whoever holds its lease moves it, whoever does not changes nothing',
    async (from) => {
      const calls: [TaskStatus, string, object][] = [
        ['done', 'complete', { result: 1 }],
        ['review', 'complete', { result: 1, outcome: 'review' }],
        ['failed', 'fail', { kind: 'permanent', error: 'no' }],
        ['inbox', 'fail', { kind: 'transient', error: 'no' }],
        ['inbox', 'fail', { kind: 'quota', error: 'no' }],
        ['inbox', 'release', {}],
        ['blocked', 'block', { blockerReason: 'no access' }],
      ];
      for (const [to, call, body] of calls) {
        const { id, lease } = await bring(from);
        const answer = await post(`/api/tasks/${id}/${call}`, { lease, ...body });
        const isHeld = from === 'assigned' || from === 'in_progress';
        expect([call, answer.status, answer.body.code]).toEqual([
          call,
          ...(isHeld ? [200, undefined] : [409, 'lease_lost']),
        ]);
        expect((await read(id)).status).toBe(isHeld ? to : from);
        if (isHeld) expect(mayMove(from, to, 'worker')).toBe(true);
        await query('delete from tasks');
        await query('delete from agent_parkings');
      }
    },
  );

  it.each(TASK_STATUSES)('from %s: it is claimed only out of the inbox', async (from) => {
    const { id } = await bring(from);
    const answer = await post(`/api/agents/${agent.id}/claim`, {});
    expect(answer.status).toBe(mayMove(from, 'in_progress', 'claim') ? 200 : 204);
    expect((await read(id)).status).toBe(from === 'inbox' ? 'in_progress' : from);
  });

  it.each(TASK_STATUSES)('from %s: the clock ends its lease, or ends it when its time is over', async (from) => {
    const leased = await bring(from);
    await query(`update tasks set lease_expires_at = now() - interval '1 second' where lease_id is not null`);
    await duties.leases.runOnce();
    const back = mayMove(from, 'inbox', 'clock');
    expect((await read(leased.id)).status).toBe(back ? 'inbox' : from);
    await query('delete from tasks');
    const { id } = await bring(from);
    await query(`update tasks set expires_at = now() - interval '1 second' where id = $1`, [id]);
    await duties.deadlines.runOnce();
    expect((await read(id)).status).toBe(mayMove(from, 'failed', 'clock') ? 'failed' : from);
  });

  it.each(TASK_STATUSES)('from %s: it is replayed only when it is among the dead letters', async (from) => {
    const { id } = await bring(from);
    const letters = bodyOf<{ items: { id: string }[] }>(
      await gateway.owner.get(`/api/dead-letters?taskId=${id}`),
      200,
    ).items;
    expect(letters).toHaveLength(mayMove(from, 'inbox', 'replay') ? 1 : 0);
    for (const letter of letters) bodyOf(await post(`/api/dead-letters/${letter.id}/replay`, {}), 200);
    expect((await read(id)).status).toBe(letters.length > 0 ? 'inbox' : from);
  });

  it('tells whoever waits for it that it will not be done, and leaves the choice to people', async () => {
    const first = await createTask(gateway.owner);
    const second = await createTask(gateway.owner, { dependsOn: [first.id] });
    bodyOf(await post(`/api/tasks/${first.id}/cancel`, {}), 200);
    expect(await read(second.id)).toMatchObject({ status: 'inbox' });
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${second.id}/why`), 200)).toMatchObject({
      reason: 'dependency',
      waitsFor: [{ kind: 'task', id: first.id, status: 'cancelled' }],
    });
    const told = await query(`select subject, data from events where type = 'task.dependency_ended'`);
    expect(told).toEqual([
      {
        subject: `task:${second.id}`,
        data: { taskId: second.id, title: second.title, dependsOn: first.id, status: 'cancelled' },
      },
    ]);
    bodyOf(await gateway.owner.patch(`/api/tasks/${second.id}`, { dependsOn: [] }), 200);
    expect((await claim(gateway.owner, agent.id)).task.id).toBe(second.id);
  });
});
