import type { Response } from 'supertest';
import { createTask, insertAgent, type Lease } from '../factories/fleet.js';
import { ConnectedAgent } from '../support/connected-agent.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

const ROUNDS = 15;

/**
 * What people and agents do to the same few rows at the same time. Each act is sound by itself; together they must not wait
 * for each other in a circle, which Postgres would end by failing one of them.
 */
describe('everything at once', () => {
  let gateway: TestGateway;
  let agents: string[];
  let members: string[];

  beforeAll(async () => {
    gateway = await startGateway();
    const hired = await Promise.all([1, 2, 3].map(() => insertAgent(gateway.db, { maxConcurrent: 4 })));
    agents = hired.map(({ id }) => id);
    const invited = await Promise.all(
      ['ada', 'bob'].map((name) => post('members', { name, email: `${name}@example.com`, role: 'admin' })),
    );
    members = invited.map((answer) => bodyOf<{ id: string }>(answer, 201).id);
  });
  afterAll(() => gateway.close());

  const post = async (path: string, body: object = {}): Promise<Response> => gateway.owner.post(`/api/${path}`, body);
  const patch = async (path: string, body: object): Promise<Response> => gateway.owner.patch(`/api/${path}`, body);

  /** Takes a task of its own accord, over HTTP, and ends it. */
  async function work(agent: string, how: 'complete' | 'fail' | 'release'): Promise<Response> {
    const claimed = await post(`agents/${agent}/claim`);
    if (claimed.status !== 200) return claimed;
    const { task, lease } = claimed.body as { task: { id: string }; lease: Lease };
    const words = { complete: { result: {}, evidence: 'seen' }, fail: { kind: 'transient', error: 'no' }, release: {} };
    return post(`tasks/${task.id}/${how}`, { lease, ...words[how] });
  }

  async function visit(agent: string): Promise<void> {
    const guest = await ConnectedAgent.connect(agent, { url: gateway.url, key: gateway.db.ownerKey });
    guest.close();
  }

  async function rule(): Promise<Response> {
    const body = { name: 'Waits', trigger: 'timeInStatus', match: { status: ['inbox'] }, threshold: 1 };
    const made = await post('escalation-rules', { ...body, cooldownSeconds: 1, actions: [{ type: 'notify' }] });
    await post('escalation-rules/check-all');
    return gateway.owner.delete(`/api/escalation-rules/${(made.body as { id: string }).id}`);
  }

  const ask = (taskId: string, member: string) =>
    post('approvals', {
      ...{ subject: { taskId, action: 'deploy' }, description: 'Now?', context: {}, payload: {}, risk: 'medium' },
      assignees: [{ member }],
    });

  it('fails nobody', async () => {
    const answers: Response[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const tasks = await Promise.all([1, 2, 3].map(() => createTask(gateway.owner)));
      const [one, two, three] = tasks.map(({ id }) => id) as [string, string, string];
      const [ada, bob] = members as [string, string];
      const visits = Promise.all(agents.map(visit));
      answers.push(
        ...(await Promise.all([
          ...agents.map((agent) => work(agent, (['complete', 'fail', 'release'] as const)[round % 3]!)),
          ...agents.map((agent) => post(`agents/${agent}/${round % 2 ? 'drain' : 'pause'}`, { reason: 'lunch' })),
          ...agents.map((agent) => post(`agents/${agent}/resume`)),
          ...agents.map((agent) => patch(`agents/${agent}`, { description: `Round ${round}` })),
          ...[one, two, three].map((id) => post(`tasks/${id}/messages`, { body: '@ada @bob, what now?' })),
          ...[one, two].map((id) => ask(id, ada)),
          ...[patch(`tasks/${one}`, { priority: 'urgent' }), post(`tasks/${three}/cancel`, { reason: 'enough' })],
          ...[patch(`members/${ada}`, { name: `Ada ${round}` }), patch(`members/${bob}`, { role: 'member' })],
          ...[patch('workspaces/default', { settings: { leaseTtlSeconds: 30 + round } }), post('standups/send')],
          ...[rule(), rule()],
          patch(`members/${bob}`, { role: 'admin' }),
        ])),
      );
      await visits;
    }
    const failed = answers.filter(({ status }) => status >= 500 || status === 422);
    expect(failed.map(({ text }) => text)).toEqual([]);
    expect(answers.length).toBeGreaterThan(ROUNDS * 20);
  }, 120_000);
});
