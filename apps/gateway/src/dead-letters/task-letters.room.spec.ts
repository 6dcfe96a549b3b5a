import { claim, createTask, insertAgent, type TaskJson } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

interface Letter {
  id: string;
  taskId: string;
  reason: string;
  status: string;
  attempts: { error: string; kind: string; at: string }[];
}

describe('the dead letters of tasks', () => {
  let gateway: TestGateway;
  let agentId: string;

  beforeEach(async () => {
    gateway = await startGateway();
    agentId = (await insertAgent(gateway.db, { maxConcurrent: 50 })).id;
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const read = async (id: string) => bodyOf<TaskJson>(await gateway.owner.get(`/api/tasks/${id}`), 200);
  const listed = async (search = '') =>
    bodyOf<{ items: Letter[] }>(await gateway.owner.get(`/api/dead-letters${search}`), 200).items;
  const giveUp = async (fields: object = {}): Promise<Letter> => {
    const { id } = await createTask(gateway.owner, { ...fields });
    const { lease } = await claim(gateway.owner, agentId);
    const body = { lease: { id: lease.id, fence: lease.fence }, kind: 'permanent', error: 'no such archive' };
    bodyOf(await gateway.owner.post(`/api/tasks/${id}/fail`, body), 200);
    const [letter] = await listed(`?taskId=${id}`);
    return letter!;
  };

  it('tell what was tried and why it was given up', async () => {
    const letter = await giveUp();
    expect(letter).toMatchObject({
      kind: 'task',
      taskId: expect.any(String),
      reason: 'permanent',
      status: 'open',
      attempts: [{ error: 'no such archive', kind: 'permanent', at: expect.stringMatching(/Z$/), agentId }],
    });
    const alone = await gateway.owner.get(`/api/dead-letters/${letter.id}`);
    expect(bodyOf(alone, 200)).toEqual(letter);
    expect(await listed('?kind=webhook')).toEqual([]);
  });

  it('revive the same task, once, with its attempts counted anew and its history kept', async () => {
    const letter = await giveUp({ retryPolicy: { maximumAttempts: 1 }, expiresAt: '2030-01-01T00:00:00Z' });
    await query(`update tasks set expires_at = now()`);
    const answers = await Promise.all([1, 2, 3].map(() => gateway.owner.post(`/api/dead-letters/${letter.id}/replay`)));
    expect(answers.map((answer) => answer.status).sort()).toEqual([200, 409, 409]);
    expect(await read(letter.taskId)).toMatchObject({ status: 'inbox', attempts: 0, endedAt: null, expiresAt: null });
    expect(await listed()).toEqual([]);
    expect(
      await query(`select count(*)::int as n from events where type in ('dead_letter.replayed', 'task.replayed')`),
    ).toEqual([{ n: 2 }]);
    const { task, lease } = await claim(gateway.owner, agentId);
    expect([task.id, lease.fence]).toEqual([letter.taskId, 2]);
    const body = { lease: { id: lease.id, fence: 2 }, kind: 'transient', error: 'again' };
    bodyOf(await gateway.owner.post(`/api/tasks/${task.id}/fail`, body), 200);
    const [second] = await listed();
    expect(second!.id).not.toBe(letter.id);
    expect(second!.attempts.map((attempt) => attempt.error)).toEqual(['no such archive', 'again']);
  });

  it('stay what they are when they are discarded: the task never comes back', async () => {
    const letter = await giveUp();
    expect((await gateway.owner.delete(`/api/dead-letters/${letter.id}`)).status).toBe(204);
    expect((await gateway.owner.post(`/api/dead-letters/${letter.id}/replay`)).status).toBe(409);
    expect((await read(letter.taskId)).status).toBe('failed');
  });

  it('come back many at once, at a rate, and a preview changes nothing', async () => {
    const letters: Letter[] = [];
    for (let n = 0; n < 4; n += 1) letters.push(await giveUp({ tags: n < 3 ? ['mail'] : [] }));
    const filter = { filter: { tag: 'mail', reason: 'permanent' }, ratePerSecond: 2 };
    const preview = bodyOf(await gateway.owner.post('/api/dead-letters/replay', { ...filter, preview: true }), 200);
    expect(preview).toMatchObject({
      preview: true,
      count: 3,
      items: [{ delayMs: 0 }, { delayMs: 500 }, { delayMs: 1000 }],
    });
    expect(await listed()).toHaveLength(4);
    expect(bodyOf(await gateway.owner.post('/api/dead-letters/replay', filter), 200)).toMatchObject({
      count: 3,
      preview: false,
    });
    const waits = await query<{ wait: number | null }>(
      `select (extract(epoch from next_retry_at - updated_at) * 1000)::int as wait from tasks where 'mail' = any(tags) order by 1 nulls first`,
    );
    expect(waits).toEqual([{ wait: null }, { wait: 500 }, { wait: 1000 }]);
    const ids = letters.map((letter) => letter.id);
    const rest = bodyOf<{ count: number; skipped: string[] }>(
      await gateway.owner.post('/api/dead-letters/replay', { ids }),
      200,
    );
    expect([rest.count, rest.skipped]).toEqual([1, ids.slice(0, 3)]);
    expect((await gateway.owner.post('/api/dead-letters/replay', {})).status).toBe(422);
  });
});
