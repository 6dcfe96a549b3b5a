import { createTask } from '../../../../test/factories/fleet.js';
import { bare } from '../../../../test/support/connected-agent.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';

describe('an agent that takes an offer up and reports in one breath', () => {
  let house: SocketHouse;

  beforeEach(async () => {
    house = await SocketHouse.open();
  });
  afterEach(() => house.close());

  const told = (taskId: string) =>
    house.query<{ type: string; from: string | null; to: string | null }>(
      `select type, data ->> 'from' as "from", data ->> 'to' as "to" from events
        where subject = 'task:' || $1 order by position, seq`,
      [taskId],
    );

  it('has finished the task, and the ledger tells of each step in its order', async () => {
    const { socket } = await house.agentWith({ maxConcurrent: 8 }, { acks: false });
    const tasks = await Promise.all([1, 2, 3, 4].map(() => createTask(house.gateway.owner)));
    for (let n = 0; n < tasks.length; n += 1) {
      const offer = await socket.task();
      socket.say('ack', { taskId: offer.task.id, lease: bare(offer.lease) });
      socket.result(offer, { n });
    }
    await socket.heard('result.ok', tasks.length);
    expect(socket.of('error')).toEqual([]);
    for (const { id } of tasks) {
      expect(await house.read(id)).toMatchObject({ status: 'done', attempts: 1, lease: null });
      expect(await told(id)).toEqual([
        { type: 'task.created', from: null, to: null },
        { type: 'task.assigned', from: null, to: null },
        { type: 'task.started', from: null, to: null },
        { type: 'task.completed', from: 'in_progress', to: 'done' },
      ]);
    }
  });

  it('works on the task all the same when its result cannot be taken', async () => {
    const { socket } = await house.agentWith({}, { acks: false });
    const { id } = await createTask(house.gateway.owner, {
      outputSchema: { type: 'object', required: ['sorted'] },
    });
    const offer = await socket.task();
    socket.say('ack', { taskId: id, lease: bare(offer.lease) });
    socket.result(offer, { unsorted: true });
    expect(await socket.heard('error')).toMatchObject({ code: 'output_schema_mismatch', re: 'result', taskId: id });
    await until(async () => (await house.read(id)).status === 'in_progress');
    socket.result(offer, { sorted: 3 });
    await socket.heard('result.ok');
    expect((await told(id)).map(({ type }) => type)).toEqual([
      'task.created',
      'task.assigned',
      'task.started',
      'task.completed',
    ]);
  });

  it('hears twice that the lease is not its own, and changes nothing', async () => {
    const { socket } = await house.agentWith({}, { acks: false });
    const { id } = await createTask(house.gateway.owner);
    const offer = await socket.task();
    const lost = { taskId: id, lease: { ...bare(offer.lease), fence: 99 } };
    socket.say('ack', lost);
    socket.say('result', { ...lost, result: 1 });
    const errors = [await socket.heard('error', 1), await socket.heard('error', 2)];
    expect(errors.map(({ code, re }) => `${re} ${code}`).sort()).toEqual(['ack lease_lost', 'result lease_lost']);
    expect(await house.read(id)).toMatchObject({ status: 'assigned', result: null });
  });
});

describe('tasks that wait when several agents are free', () => {
  let house: SocketHouse;

  beforeEach(async () => {
    house = await SocketHouse.open();
  });
  afterEach(() => house.close());

  it('go to each of them, not all to the first, when there are as many agents as tasks', async () => {
    const agents = [1, 2, 3].map(() => house.agentWith({ maxConcurrent: 5 }));
    const sockets = (await Promise.all(agents)).map(({ socket }) => socket);
    const items = sockets.map(() => ({ title: 'Sort the mail' }));
    await house.gateway.owner.post('/api/tasks/bulk', { items });
    await until(() => sockets.every(({ tasks }) => tasks.length === 1));
  });

  it('fill all places when there are more than enough, and no agent beyond its own', async () => {
    const agents = [2, 3, 4].map((maxConcurrent) => house.agentWith({ maxConcurrent }));
    const sockets = (await Promise.all(agents)).map(({ socket }) => socket);
    const items = Array.from({ length: 20 }, () => ({ title: 'Sort the mail' }));
    await house.gateway.owner.post('/api/tasks/bulk', { items });
    await until(() => sockets.flatMap(({ tasks }) => tasks).length === 9);
    await until(async () => (await house.count('in_progress')) === 9);
    expect(sockets.map(({ tasks }) => tasks.length)).toEqual([2, 3, 4]);
    expect(await house.count('inbox')).toBe(11);
  });
});
