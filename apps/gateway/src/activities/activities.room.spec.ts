import { claim, createTask, insertAgent } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { ActivityView } from './activity.view.js';

interface ActivityPage {
  items: ActivityView[];
  nextCursor: string | null;
}

describe('activities over HTTP', () => {
  let gateway: TestGateway;
  let owner: ApiClient;
  let slug: string;
  let number = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());
  beforeEach(async () => {
    ({ slug } = await gateway.workspace(`active-${(number += 1)}`));
    owner = gateway.as(gateway.db.ownerKey, slug);
  });

  const page = async (query = '', client = owner) =>
    bodyOf<ActivityPage>(await client.get(`/api/activities?${query}`), 200);
  const typesOf = async (query = '') => (await page(query)).items.map((activity) => activity.type);
  const run = async (taskId?: string) =>
    bodyOf(
      await owner.post('/api/executions', { agent: 'runner', model: 'gpt-4o', taskId, estimate: { costUsd: '0' } }),
      201,
    );

  it('are what happened, newest first, with the names of who and what; runs only when they are asked for', async () => {
    const agent = await insertAgent(gateway.db);
    const client = gateway.as(await gateway.key({ role: 'agent', agentId: agent.id }), slug);
    const { id } = await createTask(owner, { title: 'Sort it' });
    await claim(client, agent.id);
    await run(id);
    const [assigned, created, ...more] = (await page('type=task.*')).items;
    expect(more).toEqual([]);
    expect(created).toMatchObject({ type: 'task.created', actorName: 'Owner', task: { id, name: 'Sort it' } });
    expect(assigned).toMatchObject({
      ...{ type: 'task.assigned', actorName: agent.name, task: { id, name: 'Sort it' } },
      agent: { id: agent.id, name: agent.name },
    });
    expect(await typesOf()).toEqual(expect.arrayContaining(['task.assigned', 'task.created']));
    expect((await typesOf()).filter((type) => type.startsWith('execution.'))).toEqual([]);
    expect(await typesOf('type=execution.admitted')).toEqual(['execution.admitted']);
    expect(await typesOf('type=*')).toContain('execution.admitted');
  });

  it('of a task or an agent are that one’s alone', async () => {
    const agent = await insertAgent(gateway.db);
    const [one, other] = [await createTask(owner), await createTask(owner)];
    expect((await page(`taskId=${one.id}`)).items.map(({ task }) => task?.id)).toEqual([one.id]);
    expect((await page(`taskId=${other.id.toUpperCase()}&type=task.created`)).items).toHaveLength(1);
    expect((await page(`agentId=${agent.id}`)).items).toEqual([]);
    await claim(owner, agent.id);
    const taken = (await page(`agentId=${agent.id}`)).items;
    expect(taken.map(({ type }) => type)).toContain('task.assigned');
    expect(taken.every((activity) => activity.agent?.id === agent.id)).toBe(true);
  });

  it('of a task have its runs too, where runs are asked for, and no others', async () => {
    const [one, other] = [await createTask(owner), await createTask(owner)];
    for (const id of [one.id, other.id, undefined]) await run(id);
    const runs = (await page(`taskId=${one.id}&type=execution.*`)).items;
    expect(runs.map(({ type, task }) => [type, task?.id])).toEqual([['execution.admitted', one.id]]);
    expect(await typesOf(`taskId=${one.id}&type=*`)).toEqual(['execution.admitted', 'task.created']);
    expect(await typesOf(`taskId=${one.id}`)).toEqual(['task.created']);
  });

  it('of a member bear the member’s name, and tell nothing that only the machinery needs', async () => {
    const ada = bodyOf<{ id: string }>(
      await owner.post('/api/members', { email: 'ada@example.com', name: 'Ada', role: 'member' }),
      201,
    );
    const { key } = bodyOf<{ key: string }>(
      await owner.post('/api/keys', { name: 'k', role: 'member', member: ada.id }),
      201,
    );
    const { id } = await createTask(owner);
    const client = gateway.as(key);
    bodyOf(await client.post(`/api/tasks/${id}/messages`, { body: 'Hello' }), 201);
    const [posted] = (await page(`taskId=${id}&type=message.posted`)).items;
    expect(posted).toMatchObject({ actorName: 'Ada', data: { author: { member: ada.id } } });
    expect(posted?.data).not.toHaveProperty('recipients');
  });

  it('come page by page without gap or repetition, by a cursor that fits its own filters only', async () => {
    for (let n = 0; n < 5; n += 1) await createTask(owner);
    const all = (await page('type=task.created')).items.map(({ id }) => id);
    const seen: string[] = [];
    let cursor: string | null = '';
    while (cursor !== null) {
      const { items, nextCursor }: ActivityPage = await page(
        `type=task.created&limit=2${cursor === '' ? '' : `&cursor=${cursor}`}`,
      );
      seen.push(...items.map(({ id }) => id));
      cursor = nextCursor;
    }
    expect([seen, seen.length]).toEqual([all, 5]);
    const { nextCursor } = await page('type=task.created&limit=2');
    expect((await owner.get(`/api/activities?limit=2&cursor=${nextCursor}`)).status).toBe(422);
  });

  it('show nothing of another workspace', async () => {
    const { id } = await createTask(owner);
    const elsewhere = gateway.as(gateway.db.ownerKey, (await gateway.workspace(`beside-${number}`)).slug);
    expect((await page(`taskId=${id}`, elsewhere)).items).toEqual([]);
    expect((await page('', elsewhere)).items).toEqual([]);
  });

  it('are found by their own index, however many runs there were', async () => {
    await createTask(owner);
    const plan = await gateway.db.database.inOrganization(gateway.db.organizationId, async (tx) => {
      const [workspace] = await tx.query<{ id: string }>('select id from workspaces where slug = $1', [slug]);
      await tx.query(
        `insert into events (organization_id, workspace_id, id, type, actor, subject, data)
         select $1, $2, gen_random_uuid(), 'execution.settled', 'system', 'execution:x', '{}' from generate_series(1, 20000)`,
        [tx.organizationId, workspace?.id],
      );
      return tx.query<{ 'QUERY PLAN': string }>(
        `explain select id from events e where e.workspace_id = $1 and e.type not like 'execution.%' order by seq desc limit 50`,
        [workspace?.id],
      );
    });
    expect(plan.map((line) => line['QUERY PLAN']).join('\n')).toContain('events_activities');
  });

  it.each([
    ['what is no id', 'taskId=x', 'taskId'],
    ['a type that is none', 'type=Task!', 'type'],
    ['a time that is none', 'from=yesterday', 'from'],
  ])('refuse %s and name it', async (_, query, path) => {
    const problem = bodyOf<{ errors: { path: string }[] }>(await owner.get(`/api/activities?${query}`), 422);
    expect(problem.errors.map((fault) => fault.path)).toEqual([path]);
  });
});
