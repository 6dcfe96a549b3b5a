import fc from 'fast-check';
import { formatUsd, parseUsd } from '@houston/common/domain/money.js';
import { faultsInAlerts, faultsInBooks, repeatedAlerts } from '../support/books.js';
import { openTestDatabase, type TestDatabase } from '../support/database.js';
import { type ApiClient, bodyOf, clientOf } from '../support/gateway.js';
import { ensureBuilt, type ServiceProcess, startService } from '../support/service-process.js';

const CLIENTS = 12;
const GATEWAYS = 3;

interface Step {
  gateway: number;
  /** USD cents asked for. */
  cents: number;
  then: 'complete' | 'cancel' | 'patch' | 'lapse' | 'leave';
  percent: number;
}

const step: fc.Arbitrary<Step> = fc.record({
  gateway: fc.integer({ min: 0, max: GATEWAYS - 1 }),
  cents: fc.integer({ min: 0, max: 60 }),
  then: fc.constantFrom('complete', 'complete', 'cancel', 'patch', 'lapse', 'leave'),
  percent: fc.integer({ min: 0, max: 150 }),
});

const nanoOf = (usd: string): bigint => {
  const parsed = parseUsd(usd);
  if (!parsed.ok) throw new Error(`${usd}: ${parsed.problem}`);
  return parsed.nano;
};

describe.each(['batched', 'inline'])('several gateways with the %s committer', (committer) => {
  let db: TestDatabase;
  const gateways: ServiceProcess[] = [];
  const clients: ApiClient[] = [];
  beforeAll(async () => {
    ensureBuilt();
    db = await openTestDatabase();
    const env = {
      DATABASE_URL: db.url,
      ADMISSION_COMMITTER: committer,
      ADMISSION_MAX_BATCH: '7',
      DATABASE_POOL_SIZE: '6',
    };
    gateways.push(...(await Promise.all(Array.from({ length: GATEWAYS }, () => startService('gateway', env)))));
    clients.push(...gateways.map(({ url }) => clientOf(url, db.ownerKey)));
  }, 60_000);
  afterAll(async () => {
    const codes = await Promise.all(gateways.splice(0).map((gateway) => gateway.stop()));
    await db.close();
    expect(codes).toEqual([0, 0, 0]);
  });

  const [A, B] = [0, 1];
  const run = (agent: string, costUsd: string, model = 'gpt-4o-mini') => ({ agent, model, estimate: { costUsd } });
  const inLedger = <Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const budget = async (fields: Record<string, unknown>, gateway = A) => {
    const body = { name: 'B', limitUsd: '10', period: 'month', ...fields };
    return bodyOf<{ id: string }>(await clients[gateway]!.post('/api/budgets', body), 201).id;
  };

  describe('under load', () => {
    /** What the clients were told that each run holds. */
    const told = new Map<string, bigint>();
    // What follows has budgets of its own.
    afterAll(() => inLedger('update budgets set deleted_at = now()'));

    const lapse = async (id: string) => {
      await inLedger(`update executions set hold_expires_at = now() where id = $1 and status = 'admitted'`, [id]);
      await db.database.statement('select expire_holds($1, 5)', [db.organizationId]);
      told.delete(id);
    };
    const follow = async (api: ApiClient, id: string, { cents, then, percent }: Step) => {
      const costUsd = formatUsd(BigInt(cents * percent) * 100_000n);
      if (then === 'lapse') await lapse(id);
      if (then === 'patch') {
        const usage = { inputTokens: percent * 1000, outputTokens: cents * 1000 };
        const answer = bodyOf<{ heldUsd: string }>(await api.patch(`/api/executions/${id}`, { usage }), 200);
        told.set(id, nanoOf(answer.heldUsd));
      }
      if (then === 'complete') {
        const outcome = { status: 'succeeded', costUsd };
        const twice = await Promise.all(
          clients.slice(0, 2).map((c) => c.post(`/api/executions/${id}/complete`, outcome)),
        );
        twice.forEach((answer) => expect(bodyOf(answer, 200)).toMatchObject({ costUsd }));
        told.delete(id);
      }
      if (then === 'cancel') {
        bodyOf(await api.post(`/api/executions/${id}/cancel`), 200);
        told.delete(id);
      }
    };
    const client = async (number: number, steps: Step[]) => {
      for (const one of steps) {
        const api = clients[one.gateway]!;
        const body = run(`agent-${number % 3}`, (one.cents / 100).toFixed(2), number % 2 ? 'gpt-4o' : 'gpt-4o-mini');
        const answer = await api.post('/api/executions', body);
        expect([201, 402]).toContain(answer.status);
        if (answer.status === 402) continue;
        const { id, heldUsd } = answer.body as { id: string; heldUsd: string };
        told.set(id, nanoOf(heldUsd));
        await follow(api, id, one);
      }
    };

    it('promise no more than any limit at any instant, and exactly what the clients were told', async () => {
      bodyOf(await clients[A]!.post('/api/agents', { name: 'agent-1' }), 201);
      const thresholds = [50, 75, 90];
      await budget({ level: 'organization', limitUsd: '20', thresholds });
      await budget({ level: 'workspace', limitUsd: '15', period: 'day', thresholds });
      await budget({ scope: { agent: 'agent-1' }, limitUsd: '5', period: 'total', thresholds });
      await budget({ scope: { model: 'gpt-4o*' }, limitUsd: '12', period: 'week', thresholds });
      await budget({ scope: { model: 'gpt-4o' }, limitUsd: '1', mode: 'observe', thresholds });
      const scripts = fc.array(fc.array(step, { minLength: 8, maxLength: 12 }), {
        minLength: CLIENTS,
        maxLength: CLIENTS,
      });
      await fc.assert(
        fc.asyncProperty(scripts, async (all) => {
          const faults: string[] = [];
          let over = false;
          const bystander = (async () => {
            while (!over) faults.push(...(await faultsInBooks(db)));
          })();
          await Promise.all(all.map((steps, number) => client(number, steps))).finally(() => (over = true));
          await bystander;
          expect([...faults, ...(await faultsInBooks(db))]).toEqual([]);
        }),
        { numRuns: 2, endOnFailure: true },
      );
      const [row] = await inLedger<{ held: string }>(
        `select w.held_nano as held from budget_windows w join budgets b on b.id = w.budget_id where b.workspace_id is null`,
      );
      const sum = [...told.values()].reduce((total, nano) => total + nano, 0n);
      expect(sum).toBeGreaterThan(0n);
      expect(BigInt(row!.held)).toBe(sum);
      expect(await faultsInAlerts(db)).toEqual([]);
      expect(await repeatedAlerts(db)).toEqual([]);
      expect(bodyOf(await clients[B]!.post('/api/ledger/verify'), 200)).toMatchObject({ ok: true });
    }, 90_000);
  });

  it('admit a hundred identical requests under one Idempotency-Key once', async () => {
    const body = run('identical', '0');
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) =>
        clients[n % GATEWAYS]!.post('/api/executions', body, { 'idempotency-key': 'one for all' }),
      ),
    );
    const done = answers.filter(({ status }) => status === 201);
    const rest = answers.filter(({ status }) => status !== 201);
    expect(new Set(done.map(({ text }) => text)).size).toBe(1);
    expect(
      rest.filter(({ status, body: { code } }) => status !== 409 || code !== 'idempotency_key_in_progress'),
    ).toEqual([]);
    const last = await clients[B]!.post('/api/executions', body, { 'idempotency-key': 'one for all' });
    expect([last.status, last.text]).toEqual([201, done[0]!.text]);
    expect(
      bodyOf<{ items: unknown[] }>(await clients[A]!.get('/api/executions?agent=identical'), 200).items,
    ).toHaveLength(1);
  });

  it('obey at once, in one gateway, what was changed through another', async () => {
    const admit = async (costUsd: string, gateway: number) =>
      (await clients[gateway]!.post('/api/executions', run('obedient', costUsd, 'obedience-1'))).status;
    expect(await admit('3', B)).toBe(201);
    const id = await budget({ scope: { model: 'obedience-1' }, limitUsd: '5' });
    expect(await admit('2.01', B)).toBe(402);
    expect(await admit('2', B)).toBe(201);
    bodyOf(await clients[A]!.patch(`/api/budgets/${id}`, { limitUsd: '6' }), 200);
    expect(await admit('1', B)).toBe(201);
    bodyOf(await clients[A]!.patch(`/api/budgets/${id}`, { limitUsd: '1' }), 200);
    expect(await admit('0.01', B)).toBe(402);
    bodyOf(await clients[A]!.post(`/api/budgets/${id}/freeze`, { reason: 'enough' }), 200);
    expect(await admit('0', B)).toBe(423);
    bodyOf(await clients[B]!.post(`/api/budgets/${id}/unfreeze`), 200);
    expect(await admit('0.01', A)).toBe(402);
    bodyOf(await clients[B]!.patch(`/api/budgets/${id}`, { limitUsd: '7' }), 200);
    expect(await admit('0.5', A)).toBe(201);
    bodyOf(await clients[A]!.delete(`/api/budgets/${id}`), 204);
    expect(await admit('100', B)).toBe(201);
  });

  it('turn a key away in one gateway as soon as it was revoked through another', async () => {
    const { id, key } = bodyOf<{ id: string; key: string }>(
      await clients[A]!.post('/api/keys', { name: 'short-lived', role: 'member' }),
      201,
    );
    expect((await clientOf(gateways[B]!.url, key).get('/api/me')).status).toBe(200);
    const revoked = await clients[A]!.delete(`/api/keys/${id}`);
    expect([200, 204]).toContain(revoked.status);
    expect((await clientOf(gateways[B]!.url, key).get('/api/me')).status).toBe(401);
  });
});
