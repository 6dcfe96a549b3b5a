import { insertBudget } from '../factories/budget.js';
import { type ApprovalJson, requestApproval } from '../factories/approval.js';
import { createTask, insertAgent } from '../factories/fleet.js';
import { ApprovalTimes } from '../../apps/scheduler/src/approvals/approval-times.js';
import { DueApprovalStore } from '../../apps/scheduler/src/approvals/due-approval.store.js';
import { administer } from '../support/database.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { until } from '../support/until.js';

describe('approvals under many hands', () => {
  let one: TestGateway;
  let other: TestGateway;
  let agent: ApiClient;
  /** Two admins, each at a gateway of their own. */
  let admins: ApiClient[];
  let duty: ApprovalTimes;

  beforeAll(async () => {
    one = await startGateway();
    other = await startGateway({ db: one.db });
    const { id } = await insertAgent(one.db);
    agent = one.as(await one.key({ role: 'agent', agentId: id }));
    admins = [one.as(await one.key({ role: 'admin' })), other.as(await one.key({ role: 'admin' }))];
    duty = new ApprovalTimes(one.db.database, new DueApprovalStore());
  });
  afterAll(async () => {
    await other.close();
    await one.close();
  });

  const query = <Row>(sql: string, values: unknown[] = []) =>
    one.db.database.inOrganization(one.db.organizationId, (tx) => tx.query<Row>(sql, values));
  const eventsOf = async ({ id }: { id: string }) =>
    (await query<{ type: string }>('select type from events where subject = $1 order by seq', [`approval:${id}`])).map(
      ({ type }) => type,
    );
  const read = async ({ id }: { id: string }) => bodyOf<ApprovalJson>(await one.owner.get(`/api/approvals/${id}`), 200);
  const passDeadline = ({ id }: { id: string }) =>
    query(
      `update approvals set deadline = now() - interval '1 ms', due_at = now() where id = $1 and status = 'pending'`,
      [id],
    );
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();

  it('50 decisions at once leave one, and its event once', async () => {
    const asked = await requestApproval(agent);
    const decide = (n: number) =>
      admins[n % 2]!.post(`/api/approvals/${asked.id}/resolve`, {
        decision: n % 3 === 0 ? 'reject' : 'approve',
        comment: `by ${n}`,
      });
    // Held back until many stand before the same row.
    const answers = await one.db.database.inOrganization(one.db.organizationId, async (tx) => {
      await tx.query('select 1 from approvals where id = $1 for update', [asked.id]);
      const decisions = Array.from({ length: 50 }, (_, n) => decide(n).then((answer) => answer));
      await until(async () => (await blocked()) >= 8);
      return { decisions };
    });
    return judge(asked, await Promise.all(answers.decisions));
  });

  /** Backends that wait for a lock; the application's role does not see that of others. */
  async function blocked(): Promise<number> {
    const { rowCount } = await administer(one.db.url, (server) =>
      server.query(`select 1 from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`),
    );
    return rowCount ?? 0;
  }

  async function judge(asked: ApprovalJson, answers: { status: number; body: unknown }[]): Promise<void> {
    const winners = answers.flatMap(({ status, body }, n) =>
      status === 200 ? [{ n, body: body as ApprovalJson }] : [],
    );
    expect(winners).toHaveLength(1);
    expect(answers.filter(({ status }) => status === 409)).toHaveLength(49);
    expect(await read(asked)).toEqual(winners[0]!.body);
    expect(winners[0]!.body['comment']).toBe(`by ${winners[0]!.n}`);
    expect(await eventsOf(asked)).toEqual(['approval.requested', 'approval.resolved']);
  }

  it('a decision and a handing on never both happen after one another has', async () => {
    for (let round = 0; round < 15; round += 1) {
      const asked = await requestApproval(agent);
      const [decided, delegated] = await Promise.all([
        admins[0]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'approve' }),
        admins[1]!.post(`/api/approvals/${asked.id}/delegate`, { to: { role: 'owner' } }),
      ]);
      const statuses = [decided.status, delegated.status];
      expect([
        [200, 409],
        [403, 200],
      ]).toContainEqual(statuses);
      expect(await read(asked)).toMatchObject(
        decided.status === 200 ? { status: 'approved' } : { status: 'pending', assignees: [{ role: 'owner' }] },
      );
    }
  });

  it.each(['reject', 'approve', 'escalate'])(
    'a deadline that says %s and a decision leave one of the two',
    async (onTimeout) => {
      for (let round = 0; round < 10; round += 1) {
        const asked = await requestApproval(agent, { deadline: inAnHour(), onTimeout });
        // The deadline passes while the decision is on its way.
        const passing = passDeadline(asked).then(() => duty.runOnce());
        const [decision] = await Promise.all([
          admins[round % 2]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'reject' }),
          passing.then(() => Promise.all([duty.runOnce(), duty.runOnce()])),
        ]);
        const row = await read(asked);
        const types = (await eventsOf(asked)).filter((type) => type !== 'approval.requested');
        if (decision.status === 200) {
          expect(row).toMatchObject({ status: 'rejected', decision: 'reject' });
          expect(types).toEqual(['approval.resolved']);
        } else if (onTimeout === 'escalate') {
          expect(row).toMatchObject({ status: 'pending', assignees: [{ role: 'owner' }] });
          expect(types).toEqual(['escalation.raised']);
        } else {
          expect(decision.status).toBe(409);
          expect(row).toMatchObject({ status: onTimeout === 'reject' ? 'expired' : 'approved', resolvedBy: 'timeout' });
          expect(types).toHaveLength(1);
        }
      }
    },
  );

  it('of 20 requests about one task one is made, and the others name it', async () => {
    const { id: taskId } = await createTask(one.owner);
    const subject = { action: 'deploy', taskId };
    const answers = await Promise.all(
      Array.from({ length: 20 }, () => agent.post('/api/approvals', { subject, description: 'x', risk: 'medium' })),
    );
    const made = answers.filter(({ status }) => status === 201).map(({ body }) => (body as ApprovalJson).id);
    expect(made).toHaveLength(1);
    const refused = answers.filter(({ status }) => status === 409).map(({ body }) => body as Record<string, string>);
    expect(refused.map(({ code, approvalId }) => [code, approvalId])).toEqual(
      Array.from({ length: 19 }, () => ['approval_pending', made[0]]),
    );
  });

  it('100 requests that name agents nobody knows are all refused, and none waits for the connection of another', async () => {
    const answers = await Promise.all(
      Array.from({ length: 100 }, (_, n) => {
        const assignees = [{ agent: `nobody-${n}` }];
        return agent.post('/api/approvals', { subject: { action: 'x' }, description: 'x', risk: 'medium', assignees });
      }),
    );
    expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([422]));
  });

  it('of 20 grants of one raise the budget gets one', async () => {
    const budget = await insertBudget(one.db, { limitNano: 1_000_000_000n });
    const ask = { agent: 'spender', model: 'any', estimate: { costUsd: '3' } };
    const denial = bodyOf<{ executionId: string }>(await one.owner.post('/api/executions', ask), 402);
    const raise = { amountUsd: '5', reason: 'x', untilMinutes: 60 };
    const asked = bodyOf<ApprovalJson>(
      await one.owner.post(`/api/executions/${denial.executionId}/request-raise`, raise),
      201,
    );
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        admins[n % 2]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'approve' }),
      ),
    );
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1);
    expect(bodyOf(await one.owner.get(`/api/budgets/${budget}`), 200)).toMatchObject({ limitUsd: '6' });
  });

  describe('whoever waits', () => {
    it('does not keep a gateway from stopping, and gets the row as it is', async () => {
      const third = await startGateway({ db: one.db });
      const asked = await requestApproval(agent);
      const waiting = third
        .as(one.db.ownerKey)
        .get(`/api/approvals/${asked.id}?wait=60`)
        .then((answer) => answer);
      await until(async () => {
        const idle = await query(
          `select 1 from pg_stat_activity where datname = current_database() and application_name = 'houston signals'`,
        );
        return idle.length === 3;
      });
      await new Promise((resolve) => setTimeout(resolve, 300));
      await third.close();
      expect(bodyOf(await waiting, 200)).toMatchObject({ status: 'pending' });
    });

    it('hears of a decision made at another gateway, without a connection each', async () => {
      const asked = await requestApproval(agent);
      const connections = async () =>
        Number(
          (
            await query<{ count: string }>(
              'select count(*) as count from pg_stat_activity where datname = current_database()',
            )
          )[0]!.count,
        );
      const before = await connections();
      let answered = 0;
      const waiting = Array.from({ length: 60 }, async () => {
        const answer = await agent.get(`/api/approvals/${asked.id}?wait=60`);
        answered += 1;
        return bodyOf<ApprovalJson>(answer, 200).status;
      });
      const allWait = Promise.all(waiting);
      await new Promise((resolve) => setTimeout(resolve, 500));
      expect(answered).toBe(0);
      // Each gateway has a pool of its own, which does not grow with those who wait.
      expect((await connections()) - before).toBeLessThan(30);
      bodyOf(await admins[1]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'approve' }), 200);
      expect(new Set(await allWait)).toEqual(new Set(['approved']));
    });

    it('gets the row as it is when the time is over, and at once when it is decided', async () => {
      const asked = await requestApproval(agent);
      expect(bodyOf(await agent.get(`/api/approvals/${asked.id}?wait=0.2`), 200)).toMatchObject({ status: 'pending' });
      bodyOf(await admins[0]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'approve' }), 200);
      expect(bodyOf(await agent.get(`/api/approvals/${asked.id}?wait=60`), 200)).toMatchObject({ status: 'approved' });
      expect((await agent.get(`/api/approvals/${asked.id}?wait=60.1`)).status).toBe(422);
      expect((await agent.get('/api/approvals/0199aaaa-0000-7000-8000-000000000001?wait=1')).status).toBe(404);
    });

    it('hears of it also after the connection that tells was lost', async () => {
      const asked = await requestApproval(agent);
      const waiting = agent.get(`/api/approvals/${asked.id}?wait=60`).then((answer) => answer);
      await administer(one.db.url, (server) =>
        server.query(
          `select pg_terminate_backend(pid) from pg_stat_activity
            where datname = current_database() and application_name = 'houston signals'`,
        ),
      );
      bodyOf(await admins[1]!.post(`/api/approvals/${asked.id}/resolve`, { decision: 'approve' }), 200);
      expect(bodyOf(await waiting, 200)).toMatchObject({ status: 'approved' });
      await until(async () => {
        const rows = await query(
          `select 1 from pg_stat_activity where datname = current_database() and application_name = 'houston signals'`,
        );
        return rows.length === 2;
      });
    });
  });
});
