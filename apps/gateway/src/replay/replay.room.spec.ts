import { type ApprovalJson, requestApproval } from '../../../../test/factories/approval.js';
import { insertBudget } from '../../../../test/factories/budget.js';
import { createTask } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { DecisionReplayView } from './replay.view.js';

describe('the replay of a decision', () => {
  let gateway: TestGateway;
  let agent: ApiClient;
  let admin: ApiClient;

  beforeAll(async () => {
    gateway = await startGateway();
    agent = gateway.as(await gateway.key({ role: 'agent' }));
    admin = gateway.as(await gateway.key({ role: 'admin' }));
  });
  afterAll(() => gateway.close());

  const replay = async (id: string) => bodyOf<DecisionReplayView>(await admin.get(`/api/executions/${id}/replay`), 200);
  const stepsOf = ({ chain }: DecisionReplayView) => chain.map(({ step, type }) => `${step} ${type}`);
  const ask = (fields: object) =>
    agent.post('/api/executions', { agent: 'researcher', model: 'any', estimate: { costUsd: '2' }, ...fields });

  it('of a denial that was approved tells what was known, who granted it, and what came of it', async () => {
    const budget = await insertBudget(gateway.db, { limitNano: 1_000_000_000n, name: 'Tight' });
    const { id: taskId } = await createTask(gateway.owner, { title: 'Write the report' });
    const denial = bodyOf<{ executionId: string }>(await ask({ taskId, tags: { team: 'a' } }), 402);
    const raise = { amountUsd: '5', reason: 'One more pass', untilMinutes: 5 };
    const approval = bodyOf<ApprovalJson>(
      await agent.post(`/api/executions/${denial.executionId}/request-raise`, raise),
      201,
    );
    bodyOf(await admin.post(`/api/approvals/${approval.id}/resolve`, { decision: 'approve' }), 200);
    const { id: next } = bodyOf<{ id: string }>(await ask({ taskId }), 201);
    bodyOf(await agent.post(`/api/executions/${next}/complete`, { status: 'succeeded', costUsd: '1' }), 200);

    const told = await replay(denial.executionId);
    expect(told).toMatchObject({
      known: {
        agent: 'researcher',
        task: { id: taskId, title: 'Write the report' },
        requestedUsd: '2',
        tags: { team: 'a' },
      },
      policy: {
        verdict: 'denied',
        code: 'budget_exceeded',
        budget: { id: budget, name: 'Tight', limitNano: '1000000000' },
      },
      approvals: [{ id: approval.id, status: 'approved', decision: 'approve' }],
      followed: [{ id: next, status: 'succeeded', costUsd: '1' }],
    });
    expect(stepsOf(told)).toEqual([
      'known execution.requested',
      'policy execution.denied',
      'approval approval.requested',
      'approval approval.resolved',
      'followed budget.raised',
      'followed execution.requested',
      'followed execution.admitted',
      'followed execution.succeeded',
    ]);
    expect(told.chain.filter(({ eventId }) => eventId !== null)).toHaveLength(3);
    bodyOf(await gateway.owner.delete(`/api/budgets/${budget}`), 204);
  });

  it('of a denial without a task finds the run that the raise let in, and no other', async () => {
    const budget = await insertBudget(gateway.db, { limitNano: 1_000_000_000n, name: 'Tight' });
    const wanted = { tags: { team: 'b' }, metadata: { ticket: 1 } };
    const denial = bodyOf<{ executionId: string }>(await ask(wanted), 402);
    const raise = { amountUsd: '9', reason: 'One more pass', untilMinutes: 5 };
    const path = `/api/executions/${denial.executionId}/request-raise`;
    const approval = bodyOf<ApprovalJson>(await agent.post(path, raise), 201);
    bodyOf(await admin.post(`/api/approvals/${approval.id}/resolve`, { decision: 'approve' }), 200);
    bodyOf(await ask({ ...wanted, metadata: { ticket: 2 } }), 201);
    expect((await replay(denial.executionId)).followed).toEqual([]);
    const { id: admitted } = bodyOf<{ id: string }>(await ask(wanted), 201);
    bodyOf(await ask(wanted), 201);
    const told = await replay(denial.executionId);
    expect(told.followed.map((run) => run.id)).toEqual([admitted]);
    expect(stepsOf(told).slice(-3)).toEqual([
      'followed budget.raised',
      'followed execution.requested',
      'followed execution.admitted',
    ]);
    bodyOf(await gateway.owner.delete(`/api/budgets/${budget}`), 204);
  });

  it('of a run tells what was asked about its task for it and while it ran, how sure the asker was, and what the policy said', async () => {
    const { id: taskId } = await createTask(gateway.owner);
    const before = await requestApproval(agent, { subject: { action: 'plan', taskId }, confidence: 61 });
    bodyOf(await admin.post(`/api/approvals/${before.id}/resolve`, { decision: 'approve' }), 200);
    const { id } = bodyOf<{ id: string }>(await ask({ taskId }), 201);
    const asked = await requestApproval(agent, { subject: { action: 'send', taskId }, confidence: 72 });
    const { id: child } = bodyOf<{ id: string }>(await ask({ parentId: id }), 201);
    bodyOf(await agent.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd: '1' }), 200);
    const told = await replay(id);
    const reasons = ['medium_risk', 'moderate_confidence'];
    expect(told).toMatchObject({
      confidence: 72,
      policy: {
        verdict: 'admitted',
        approvals: [{ approvalId: before.id }, { approvalId: asked.id, policy: 'pending', reasons }],
      },
    });
    expect(told.approvals.map((one) => one.id)).toEqual([before.id, asked.id]);
    expect(stepsOf(told).slice(0, 4)).toEqual([
      'approval approval.requested',
      'approval approval.resolved',
      'known execution.requested',
      'policy execution.admitted',
    ]);
    expect(told.followed.map((run) => run.id)).toEqual([child]);
  });

  it('of a run leaves out what was asked about another run of its task, or before that one', async () => {
    const { id: taskId } = await createTask(gateway.owner);
    const asking = async (subject: object, confidence: number) => {
      const approval = await requestApproval(agent, { subject: { action: 'send', taskId, ...subject }, confidence });
      bodyOf(await admin.post(`/api/approvals/${approval.id}/resolve`, { decision: 'approve' }), 200);
      return approval.id;
    };
    const first = await asking({}, 61);
    const { id: earlier } = bodyOf<{ id: string }>(await ask({ taskId }), 201);
    const { id: beside } = bodyOf<{ id: string }>(await ask({ taskId }), 201);
    const ofBeside = await asking({ executionId: beside }, 62);
    for (const id of [earlier, beside])
      bodyOf(await agent.post(`/api/executions/${id}/complete`, { status: 'succeeded', costUsd: '1' }), 200);
    const between = await asking({}, 63);
    const { id: later } = bodyOf<{ id: string }>(await ask({ taskId }), 201);
    const asked = async (id: string) => {
      const { approvals, confidence } = await replay(id);
      return { ids: approvals.map((one) => one.id), confidence };
    };
    expect(await asked(earlier)).toEqual({ ids: [first], confidence: 61 });
    expect(await asked(beside)).toEqual({ ids: [ofBeside], confidence: 62 });
    expect(await asked(later)).toEqual({ ids: [between], confidence: 63 });
  });

  it('shows nothing of another workspace, and nothing where there is none', async () => {
    const { slug } = await gateway.workspace('elsewhere');
    const { id } = bodyOf<{ id: string }>(await ask({}), 201);
    expect((await gateway.as(gateway.db.ownerKey, slug).get(`/api/executions/${id}/replay`)).status).toBe(404);
    expect((await admin.get('/api/executions/0199aaaa-0000-7000-8000-000000000001/replay')).status).toBe(404);
  });
});
