import type { ConnectedAgent } from '../../../../test/support/connected-agent.js';
import { createTask, insertAgent, type NewAgent } from '../../../../test/factories/fleet.js';
import { bodyOf, type TestGateway } from '../../../../test/support/gateway.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';

interface Contestant {
  id: string;
  name: string;
  socket: ConnectedAgent;
}

describe('whom a task is offered to', () => {
  let house: SocketHouse;
  let gateway: TestGateway;
  let asked = 0;

  beforeAll(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterAll(() => house.close());

  const strategy = async (assignmentStrategy: string) =>
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { assignmentStrategy } }), 200);

  /** Agents that are able to do the same, and nothing else; the one that is to win comes last. */
  async function contestants(skills: (NewAgent & { seconds?: number; failures?: number })[]): Promise<Contestant[]> {
    asked += 1;
    const found: Contestant[] = [];
    for (const { seconds, failures = 0, ...wanted } of skills) {
      const { id, name } = await insertAgent(gateway.db, {
        capabilities: [{ name: `c${asked}`, level: 3 }],
        ...wanted,
      });
      if (seconds !== undefined) await past(id, 'succeeded', seconds, 20);
      if (failures > 0) await past(id, 'transient', 1, failures);
      found.push({ id, name, socket: await house.connect(id) });
    }
    return found;
  }
  const past = async (agentId: string, kind: string, seconds: number, count: number) => {
    const { organizationId, workspaceId } = gateway.db;
    await house.query(
      `with task as (
         insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, ended_at, result)
         values ($1, $2, gen_random_uuid(), 'past', 'done', 'normal', now(), 'system', now(), '{}') returning id)
       insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, started_at, ended_at, kind)
       select $1, $2, task.id, n, n, $3, now() - interval '1 day', now() - interval '1 day' + $5 * interval '1 second', $4
         from task, generate_series(1, $6) n`,
      [organizationId, workspaceId, agentId, kind, seconds, count],
    );
  };
  const task = () => createTask(gateway.owner, { requiredCapabilities: [`c${asked}`] });
  const winnerOf = async (all: Contestant[]): Promise<string> => {
    const { id } = await task();
    const winner = await until(() => all.find(({ socket }) => socket.tasks.some((frame) => frame.task.id === id)));
    return winner.name;
  };
  const finish = ({ socket }: Contestant) => socket.result(socket.tasks.at(-1)!);

  it.each([
    ['fastest', [{ seconds: 100 }, { seconds: 200 }, { seconds: 5 }]],
    ['cheapest', [{ costPerTaskUsd: 0.5 }, { costPerTaskUsd: 0.9 }, { costPerTaskUsd: 0.01 }]],
    ['best', [{ seconds: 1, failures: 10 }, { seconds: 1, failures: 20 }, { seconds: 300 }]],
    ['balanced', [{ seconds: 100, failures: 10 }, { seconds: 90, failures: 20 }, { seconds: 20 }]],
    ['best', [{ level: 'intern' }, { level: 'specialist' }, { level: 'lead' }]],
    ['least_loaded', [{ maxConcurrent: 4 }, { maxConcurrent: 4 }, { maxConcurrent: 4, seconds: 1 }]],
  ] as const)('is the best one that is free, by the strategy %s', async (by, skills) => {
    await strategy(by);
    const all = await contestants([...skills]);
    expect(await winnerOf(all)).toBe(all.at(-1)!.name);
    // It is the first of those that people are told, too.
    const { items } = bodyOf<{ items: { agent: string }[] }>(
      await gateway.owner.get(`/api/tasks/${(await task()).id}/suitable-agents`),
      200,
    );
    expect(items.map(({ agent }) => agent)).toContain(all.at(-1)!.name);
  });

  it('changes at once with the strategy, and with what an agent costs', async () => {
    await strategy('fastest');
    const all = await contestants([
      { seconds: 100, costPerTaskUsd: 0.01 },
      { seconds: 1, costPerTaskUsd: 0.9 },
    ]);
    const [cheap, fast] = all as [Contestant, Contestant];
    expect(await winnerOf(all)).toBe(fast.name);
    finish(fast);
    await fast.socket.heard('result.ok');
    await strategy('cheapest');
    expect(await winnerOf(all)).toBe(cheap.name);
    finish(cheap);
    await cheap.socket.heard('result.ok');
    bodyOf(await gateway.owner.patch(`/api/agents/${cheap.id}`, { costPerTaskUsd: '5' }), 200);
    expect(await winnerOf(all)).toBe(fast.name);
  });

  it('is another one while the best has nothing free, and never one that is not able', async () => {
    await strategy('fastest');
    const all = await contestants([{ seconds: 100 }, { seconds: 1 }]);
    const [slow, fast] = all as [Contestant, Contestant];
    const stranger = await house.agentWith({ capabilities: [{ name: 'other', level: 5 }] });
    expect([await winnerOf(all), await winnerOf(all)]).toEqual([fast.name, slow.name]);
    expect(stranger.socket.tasks).toEqual([]);
  });

  it('is each in turn where all are as good', async () => {
    await strategy('balanced');
    const all = await contestants([{ maxConcurrent: 3 }, { maxConcurrent: 3 }, { maxConcurrent: 3 }]);
    const winners = [await winnerOf(all), await winnerOf(all), await winnerOf(all)];
    expect(new Set(winners).size).toBe(3);
  });
});
