import { LeaseStore } from '../../apps/scheduler/src/leases/lease.store.js';
import { LostLeases } from '../../apps/scheduler/src/leases/lost-leases.js';
import { createTask } from '../factories/fleet.js';
import { bare } from '../support/connected-agent.js';
import { bodyOf, type TestGateway } from '../support/gateway.js';
import { SocketHouse } from '../support/socket-house.js';
import { until } from '../support/until.js';

describe('offers to connected agents', () => {
  let house: SocketHouse;
  let gateway: TestGateway;

  beforeEach(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterEach(() => house.close());

  const letOffersLapse = async () => {
    await house.query("update tasks set ack_by = now() - interval '1 millisecond'");
    await new LostLeases(gateway.db.database, new LeaseStore()).runOnce();
  };

  it('gets each task once, however many are there', async () => {
    const sockets = await Promise.all(
      Array.from({ length: 12 }, async () => (await house.agentWith({ maxConcurrent: 3 })).socket),
    );
    const items = Array.from({ length: 30 }, (_, n) => ({ title: `task ${n}` }));
    bodyOf(await gateway.owner.post('/api/tasks/bulk', { items }), 201);
    await until(() => sockets.flatMap(({ tasks }) => tasks).length >= 30);
    await until(async () => (await house.count('in_progress')) === 30);
    const ids = sockets.flatMap(({ tasks }) => tasks.map(({ task }) => task.id));
    expect([ids.length, new Set(ids).size]).toEqual([30, 30]);
    expect(Math.max(...sockets.map(({ tasks }) => tasks.length))).toBeLessThanOrEqual(3);
  });

  it('finds the one that is able among many that are not, and the one it is reserved for', async () => {
    const many = Array.from({ length: 40 }, (_, n) => ({ capabilities: [{ name: `craft-${n % 3}`, level: 3 }] }));
    const crowd = await Promise.all(many.map((wanted) => house.agentWith(wanted)));
    const able = await house.agentWith({ capabilities: [{ name: 'french', level: 4 }] });
    const french = await createTask(gateway.owner, { requiredCapabilities: [{ name: 'french', minLevel: 4 }] });
    expect((await able.socket.task()).task.id).toBe(french.id);
    const reserved = await createTask(gateway.owner, { assignee: crowd[17]!.id });
    expect((await crowd[17]!.socket.task()).task.id).toBe(reserved.id);
    await createTask(gateway.owner, { requiredCapabilities: [{ name: 'french', minLevel: 5 }] });
    await until(async () => (await house.count('in_progress')) === 2);
    expect(crowd.flatMap(({ socket }) => socket.tasks)).toHaveLength(1);
    expect(await house.count('inbox')).toBe(1);
  });

  it('loses an offer that it acknowledges too late, gets it anew, and is fenced out with the old lease', async () => {
    const { id, socket } = await house.agentWith({}, { acks: false });
    const created = await createTask(gateway.owner);
    const { lease } = await socket.task();
    expect(await house.read(created.id)).toMatchObject({ status: 'assigned', lease: { agentId: id } });
    await letOffersLapse();
    socket.say('ack', { taskId: created.id, lease: bare(lease) });
    const late = { code: 'lease_lost', re: 'ack', taskId: created.id, holder: null };
    expect(await socket.heard('error')).toMatchObject(late);
    const again = await socket.task();
    expect(again).toMatchObject({ task: { id: created.id, attempts: 1 }, lease: { fence: 2 } });
    socket.say('ack', { taskId: created.id, lease: bare(again.lease) });
    socket.say('result', { taskId: created.id, lease: bare(lease), result: 'stale' });
    expect(await socket.heard('error', 2)).toMatchObject({ code: 'lease_lost', holder: { agentId: id, alive: true } });
    socket.result(again, 'good');
    await socket.heard('result.ok');
    expect(await house.read(created.id)).toMatchObject({ status: 'done', result: 'good' });
  });

  it('keeps what it acknowledges with its last word', async () => {
    const agents = await Promise.all(Array.from({ length: 8 }, () => house.agentWith({}, { acks: false })));
    bodyOf(await gateway.owner.post('/api/tasks/bulk', { items: agents.map(() => ({ title: 'work' })) }), 201);
    for (const { socket } of agents) {
      const { task, lease } = await socket.task();
      socket.say('ack', { taskId: task.id, lease: bare(lease) });
      socket.close();
    }
    await until(async () => (await house.query('select from agent_sessions')).length === 0);
    expect(await house.count('in_progress')).toBe(8);
  });

  it('is left alone for a while when it leaves offers unanswered', async () => {
    const { socket } = await house.agentWith({}, { acks: false });
    await createTask(gateway.owner);
    await socket.task();
    await letOffersLapse();
    await until(async () => (await house.query('select from agent_sessions where unacknowledged = 1')).length === 1);
    const other = await house.agentWith();
    expect((await other.socket.task()).lease.fence).toBe(2);
    expect(socket.tasks).toHaveLength(1);
    expect(
      await house.query(
        'select last_offered_at is null as never, last_acknowledged_at from agent_sessions where unacknowledged > 0',
      ),
    ).toEqual([{ never: false, last_acknowledged_at: null }]);
  });
});
