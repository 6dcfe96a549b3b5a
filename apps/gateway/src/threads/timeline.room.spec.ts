import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { TimelineEntryView } from './timeline.view.js';

interface TimelinePage {
  items: TimelineEntryView[];
  nextCursor: string | null;
}

describe('the timeline of a task', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let slug: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`timeline-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
  });

  const inLedger = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const page = async (id: string, query = '') =>
    bodyOf<TimelinePage>(await owner.get(`/api/tasks/${id}/timeline?${query}`), 200);
  const types = (entries: TimelineEntryView[]) => entries.map(({ type }) => type);

  /** A task to which everything happens that can happen. @returns the task, and what was said and written */
  const eventfulTask = async () => {
    const agent = await insertAgent(gateway.db);
    const client = gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }), slug);
    const made = await createTask(owner, { title: 'Figures' });
    const { task } = await claim(client, agent.id);
    expect(task.id).toBe(made.id);
    const taskId = task.id;
    const run = { agent: agent.name, model: 'gpt-4o', taskId, estimate: { costUsd: '0.5' } };
    const execution = bodyOf<{ id: string }>(await owner.post('/api/executions', run), 201);
    const completed = { status: 'succeeded', costUsd: '0.25' };
    bodyOf(await owner.post(`/api/executions/${execution.id}/complete`, completed), 200);
    const text = { taskId, type: 'deliverable', title: 'Q3', body: '# Q3' };
    const document = bodyOf<{ id: string }>(await client.post('/api/documents', text), 201);
    const said = { body: 'Here it is', attachments: [document.id] };
    const message = bodyOf<{ id: string }>(await client.post(`/api/tasks/${taskId}/messages`, said), 201);
    const direct = { body: 'See there', taskId, ackWithinSeconds: 1 };
    bodyOf(await owner.post(`/api/agents/${agent.id}/messages`, direct), 201);
    await inLedger(`update agent_messages set ack_due_at = now() - interval '1 second' where task_id = $1`, [taskId]);
    await inLedger('select escalate_unacknowledged($1, 10)', [gateway.db.organizationId]);
    const asked = {
      subject: { taskId, action: 'publish' },
      description: 'May I?',
      risk: 'low',
      confidence: 95,
      payload: {},
    };
    bodyOf(await client.post('/api/approvals', asked), 201);
    bodyOf(await owner.post(`/api/tasks/${taskId}/transition`, { to: 'review' }), 200);
    return { taskId, agent, execution, document, message };
  };

  it('has messages, documents, runs, approvals, escalations and states in one line of time', async () => {
    const { taskId, agent, execution, document, message } = await eventfulTask();
    const { items, nextCursor } = await page(taskId);
    expect(nextCursor).toBeNull();
    expect(new Set(items.map(({ kind }) => kind))).toEqual(
      new Set(['state', 'run', 'document', 'message', 'approval', 'escalation']),
    );
    const told = types(items).filter((type) => !type.startsWith('approval.'));
    expect(told).toEqual([
      ...['task.created', 'task.assigned', 'execution.succeeded', 'document.created', 'message.posted', 'message.sent'],
      ...['escalation.raised', 'task.review_requested'],
    ]);
    expect(types(items)).toContain('approval.requested');
    const times = items.map(({ time }) => Date.parse(time));
    expect(times).toEqual([...times].sort((a, b) => a - b));
    expect(new Set(items.map(({ id }) => id)).size).toBe(items.length);
    const find = (type: string) => items.find((entry) => entry.type === type)!;
    expect(find('message.posted')).toMatchObject({
      id: message.id,
      message: { body: 'Here it is', author: { agent: agent.id }, attachments: [document.id] },
    });
    expect(find('execution.succeeded')).toMatchObject({
      id: execution.id,
      data: { agent: agent.name, model: 'gpt-4o', status: 'succeeded', costUsd: '0.25' },
    });
    expect(find('document.created').data).toMatchObject({ documentId: document.id, title: 'Q3' });
    expect(JSON.stringify(items)).not.toContain('recipients');
  });

  it('comes page by page without gap or repetition', async () => {
    const { taskId } = await eventfulTask();
    const whole = await page(taskId);
    const seen: TimelineEntryView[] = [];
    for (let query = 'limit=1'; ;) {
      const { items, nextCursor } = await page(taskId, query);
      expect(items).toHaveLength(1);
      seen.push(...items);
      if (nextCursor === null) break;
      query = `limit=1&cursor=${nextCursor}`;
    }
    expect(seen).toEqual(whole.items);
  });

  it('keeps runs apart that began at the same moment', async () => {
    const { id } = await createTask(owner);
    const startedAt = '2026-01-01T00:00:00.000Z';
    const run = { agent: 'recorder', model: 'gpt-4o', taskId: id, startedAt, costUsd: '0.1' };
    const items = Array.from({ length: 5 }, (_, n) => ({ ...run, externalId: `${id}-${n}` }));
    bodyOf(await owner.post('/api/executions/record', { items }), 201);
    const seen: string[] = [];
    for (let query = 'limit=2'; ;) {
      const { items: entries, nextCursor } = await page(id, query);
      seen.push(...entries.map((entry) => entry.id));
      if (nextCursor === null) break;
      query = `limit=2&cursor=${nextCursor}`;
    }
    expect(seen).toHaveLength(6);
    expect(new Set(seen).size).toBe(6);
  });

  it('has what is asked about a run of the task, also where only the run is named, and of no other run', async () => {
    const { id: taskId } = await createTask(owner);
    const run = { agent: 'asker', model: 'gpt-4o', estimate: { costUsd: '0.1' } };
    const ask = async (about: object) => {
      const execution = bodyOf<{ id: string }>(await owner.post('/api/executions', { ...run, ...about }), 201);
      const wish = { subject: { executionId: execution.id, action: 'publish' }, description: 'May I?', risk: 'medium' };
      return bodyOf<{ id: string }>(await owner.post('/api/approvals', { ...wish, payload: {} }), 201).id;
    };
    const approvalId = await ask({ taskId });
    await ask({});
    await ask({ taskId: 'a name of their own' });
    bodyOf(await owner.post(`/api/approvals/${approvalId}/cancel`), 200);
    const asked = (await page(taskId)).items.filter(({ kind }) => kind === 'approval');
    expect(asked).toMatchObject([
      { type: 'approval.requested', data: { approvalId, taskId } },
      { type: 'approval.cancelled', data: { approvalId, taskId } },
    ]);
  });

  it('shows nothing of another task, and nothing to another workspace', async () => {
    const { taskId } = await eventfulTask();
    const other = await createTask(owner);
    expect(types((await page(other.id)).items)).toEqual(['task.created']);
    const elsewhere = gateway.as(gateway.db.ownerKey, (await gateway.workspace(`elsewhere-${number}`)).slug);
    const [foreign, missing] = [taskId, '0199aaaa-0000-7000-8000-000000000001'].map((id) =>
      elsewhere.get(`/api/tasks/${id}/timeline`, { 'x-request-id': 'same' }),
    );
    const answer = await foreign!;
    expect(answer.status).toBe(404);
    expect(answer.text.replaceAll(taskId, 'x')).toBe((await missing!).text.replaceAll(/0199aaaa[-0-9]*/g, 'x'));
  });

  it('is found by its own index, however much else has happened', async () => {
    const { taskId } = await eventfulTask();
    const workspace = await inLedger<{ id: string }>('select id from workspaces where slug = $1', [slug]);
    const plan = await gateway.db.database.inWorkspace(
      { organizationId: gateway.db.organizationId, workspaceId: workspace[0]!.id },
      async (tx) => {
        await tx.query(
          `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
           select $1, $2, gen_random_uuid(), 'execution.settled', 'system', 'execution:x', '{}' from generate_series(1, 20000)`,
          [tx.organizationId, tx.workspaceId],
        );
        return tx.query<{ 'QUERY PLAN': string }>(
          `explain select id from events where workspace_id = $1 and task_id = $2 order by time, seq limit 50`,
          [tx.workspaceId, taskId],
        );
      },
    );
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('events_by_task');
  });
});
