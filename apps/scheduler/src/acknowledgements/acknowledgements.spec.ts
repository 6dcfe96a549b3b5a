import { insertAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { DutyRunner } from '@houston/common/duties/duty-runner.js';
import { until } from '../../../../test/support/until.js';
import { MessageCleaner } from './message-cleaner.js';
import { SilenceStore } from './silence.store.js';
import { Unacknowledged } from './unacknowledged.js';

interface Message {
  id: string;
  escalatedAt: string | null;
  ackDueAt: string | null;
}

describe('the duties over direct messages', () => {
  let gateway: TestGateway;
  let silence: Unacknowledged;
  let cleaner: MessageCleaner;
  let agent: { id: string; name: string };

  beforeEach(async () => {
    gateway = await startGateway();
    const store = new SilenceStore(gateway.db.database);
    silence = new Unacknowledged(gateway.db.database, store);
    cleaner = new MessageCleaner(gateway.db.database, store);
    agent = await insertAgent(gateway.db);
  });
  afterEach(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const send = async (body: object) =>
    bodyOf<Message>(await gateway.owner.post(`/api/agents/${agent.id}/messages`, { body: 'Answer me', ...body }), 201);
  const acknowledge = (id: string) => gateway.owner.post(`/api/agents/${agent.id}/messages/${id}/acknowledge`);
  /** Moves every message into the past. */
  const age = (seconds: number) =>
    query(
      `update agent_messages set created_at = created_at - $1 * interval '1 second', expires_at = expires_at - $1 * interval '1 second',
              ack_due_at = ack_due_at - $1 * interval '1 second'`,
      [seconds],
    );
  const raised = () =>
    query<{ data: Record<string, unknown> }>(`select data from events where type = 'escalation.raised' order by seq`);

  it('tell owners and admins of silence when its time has come, once', async () => {
    const { id, ackDueAt } = await send({ subject: 'Q3', ackWithinSeconds: 60 });
    expect(ackDueAt).not.toBeNull();
    expect(await silence.runOnce()).toEqual({ escalated: 0 });
    await age(61);
    expect(await silence.runOnce()).toEqual({ escalated: 1 });
    expect(await silence.runOnce()).toEqual({ escalated: 0 });
    expect(await raised()).toEqual([
      {
        data: expect.objectContaining({
          ...{ reason: 'unacknowledged', messageId: id, agentId: agent.id, agent: agent.name, subject: 'Q3' },
          recipients: [{ role: 'owner' }, { role: 'admin' }],
          text: expect.stringContaining('Q3'),
        }),
      },
    ]);
    const { items } = bodyOf<{ items: Message[] }>(await gateway.owner.get(`/api/agents/${agent.id}/messages`), 200);
    expect(items).toMatchObject([{ id, escalatedAt: expect.any(String), ackDueAt: null }]);
  });

  it('do so by themselves, looking often enough to be there within two seconds', async () => {
    expect(silence.interval.idleMs).toBeLessThanOrEqual(1_000);
    const runner = new DutyRunner(silence);
    runner.start();
    try {
      const { id } = await send({ ackWithinSeconds: 1 });
      const [event] = await until(async () => {
        const events = await raised();
        return events.length > 0 && events;
      });
      expect(event?.data).toMatchObject({ messageId: id });
    } finally {
      await runner.stop();
    }
  });

  it('leave alone what was acknowledged, and what nobody wanted acknowledged', async () => {
    const { id } = await send({ ackWithinSeconds: 60 });
    await send({});
    bodyOf(await acknowledge(id), 200);
    await age(86_400);
    expect(await silence.runOnce()).toEqual({ escalated: 0 });
  });

  it('let a late word count, and say that it was late', async () => {
    const { id } = await send({ ackWithinSeconds: 60 });
    await age(61);
    await silence.runOnce();
    expect(bodyOf(await acknowledge(id), 200)).toMatchObject({ acknowledgedAt: expect.any(String) });
    const [event] = await query<{ data: object }>(`select data from events where type = 'message.acknowledged'`);
    expect(event?.data).toMatchObject({ messageId: id, isLate: true });
  });

  it('tell of silence at the latest when the message expires, and only then forget it', async () => {
    await send({ requiresAck: true });
    await send({});
    expect(await cleaner.runOnce()).toEqual({ forgotten: 0 });
    await age(30 * 86_400);
    expect(await cleaner.runOnce()).toEqual({ forgotten: 1 });
    expect(await silence.runOnce()).toEqual({ escalated: 1 });
    expect(await cleaner.runOnce()).toEqual({ forgotten: 1 });
    expect(await query(`select id from agent_messages`)).toEqual([]);
    expect(await query(`select id from events where type = 'message.sent'`)).toHaveLength(2);
  });

  it('forget by the setting of the workspace', async () => {
    const settings = { messages: { expireAfterDays: 1 } };
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings }), 200);
    await send({});
    await age(86_400 - 60);
    expect(await cleaner.runOnce()).toEqual({ forgotten: 0 });
    await age(60);
    expect(await cleaner.runOnce()).toEqual({ forgotten: 1 });
  });

  it('that run in four schedulers at once tell of each silence once', async () => {
    await send({ ackWithinSeconds: 1 });
    await query(
      `insert into agent_messages select (jsonb_populate_record(null::agent_messages,
              to_jsonb(m) || jsonb_build_object('id', gen_random_uuid()))).* from agent_messages m, generate_series(1, 299)`,
    );
    await age(2);
    // Each has its connection before it begins, so that they really meet.
    await Promise.all(Array.from({ length: 4 }, () => gateway.db.database.statement('select pg_sleep(0.2)')));
    const runs = await Promise.all(Array.from({ length: 4 }, () => silence.runOnce()));
    await silence.runOnce();
    const told = (await raised()).map(({ data }) => data['messageId']);
    expect(new Set(told).size).toBe(300);
    expect(told).toHaveLength(300);
    expect(runs.reduce((sum, { escalated }) => sum + escalated, 0)).toBeLessThanOrEqual(300);
  });
});
