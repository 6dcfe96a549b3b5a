import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('the service level of a task', () => {
  let gateway: TestGateway;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const slo = async (id: string) =>
    bodyOf<Record<string, unknown>>(await gateway.owner.get(`/api/tasks/${id}/slo`), 200);
  const shift = (id: string, seconds: number) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query(`update tasks set created_at = now() - make_interval(secs => $2) where id = $1`, [id, seconds]),
    );

  it('comes from the tiers of its workspace', async () => {
    const { id } = await createTask(gateway.owner, { slaTier: 'urgent' });
    expect(await slo(id)).toMatchObject({ tier: 'urgent', seconds: 3600, breachedAt: null });
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { sloTiers: { gold: 600 } } }), 200);
    const gold = await createTask(gateway.owner, { slaTier: 'gold' });
    expect(await slo(gold.id)).toMatchObject({ tier: 'gold', seconds: 600 });
    const refused = await gateway.owner.post('/api/tasks', { title: 'x', slaTier: 'urgent' });
    expect([refused.status, refused.text]).toEqual([422, expect.stringContaining('gold')]);
    // What it was promised stays what it is.
    expect(await slo(id)).toMatchObject({ seconds: 3600 });
    bodyOf(await gateway.owner.patch(`/api/tasks/${id}`, { slaTier: 'gold' }), 200);
    expect(await slo(id)).toMatchObject({ tier: 'gold', seconds: 600 });
    for (const sloTiers of [{ gold: 0 }, { gold: 1.5 }, { gold: '600' }, [], 'gold', { '': 3 }]) {
      bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { sloTiers } }), 422);
    }
  });

  it('says how much of it is used up', async () => {
    const { id } = await createTask(gateway.owner, { sloSeconds: 1_000 });
    await shift(id, 250);
    const { consumedPercent, ...rest } = await slo(id);
    expect(consumedPercent).toBeGreaterThanOrEqual(25);
    expect(consumedPercent).toBeLessThan(40);
    expect(rest).toMatchObject({ tier: null, seconds: 1_000 });
    const none = await createTask(gateway.owner);
    expect(await slo(none.id)).toMatchObject({ seconds: null, dueAt: null, consumedPercent: null, breachedAt: null });
    const due = await createTask(gateway.owner, { dueAt: new Date(Date.now() + 100_000).toISOString() });
    expect((await slo(due.id)).seconds).toBeGreaterThanOrEqual(99);
  });

  it('is missed also by what was done late before anybody had said so, and not by what was done in time', async () => {
    const pending = async (id: string) => {
      const [row] = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
        tx.query<{ pending: boolean }>('select slo_breach_at is not null as pending from tasks where id = $1', [id]),
      );
      return row?.pending;
    };
    for (const [age, isMissed] of [
      [200, true],
      [50, false],
    ] as const) {
      const client = gateway.as(gateway.db.ownerKey, (await gateway.workspace(`late-${age}`)).slug);
      const { id } = await createTask(client, { sloSeconds: 100 });
      const { id: agent } = await insertAgent(gateway.db);
      const { lease } = await claim(client, agent);
      await shift(id, age);
      bodyOf(await client.post(`/api/tasks/${id}/complete`, { lease, result: 'done' }), 200);
      expect([age, await pending(id)]).toEqual([age, isMissed]);
    }
  });
});
