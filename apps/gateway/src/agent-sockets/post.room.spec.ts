import { v7 as newId } from 'uuid';
import { bodyOf, type TestGateway } from '../../../../test/support/gateway.js';
import { SocketHouse } from '../../../../test/support/socket-house.js';
import { until } from '../../../../test/support/until.js';

describe('the post of a connected agent', () => {
  let house: SocketHouse;
  let gateway: TestGateway;

  beforeEach(async () => {
    house = await SocketHouse.open();
    gateway = house.gateway;
  });
  afterEach(() => house.close());

  const notify = async (agentId: string, title: string): Promise<string> => {
    const id = newId();
    await house.query(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, agent_id, title, text, subject, next_attempt_at)
       select organization_id, id, $1, $1, 'message.sent', 'agent', $2, $3, 'Look at it.', 'message:1', now() + interval '1 day'
         from workspaces where slug = 'default'`,
      [id, agentId, title],
    );
    return id;
  };
  const statusOf = async (id: string) =>
    (await house.query<{ status: string }>('select status from notifications where id = $1', [id]))[0]?.status;
  const setFeature = async (notifications: boolean) =>
    bodyOf(await gateway.owner.patch('/api/workspaces/default', { settings: { features: { notifications } } }), 200);

  it('comes at once, is marked as delivered, and stands in the inbox all the same', async () => {
    const { id: agentId, socket } = await house.agentWith();
    const id = await notify(agentId, 'Read this');
    expect(await socket.heard('notification')).toMatchObject({
      item: { id, type: 'message.sent', title: 'Read this', text: 'Look at it.', readAt: null },
    });
    await until(async () => (await statusOf(id)) === 'delivered');
    const agent = gateway.as(await gateway.key({ role: 'agent', agentId }));
    expect(bodyOf(await agent.get('/api/inbox?unread=true'), 200)).toMatchObject({ items: [{ id }] });
    expect(socket.of('notification')).toHaveLength(1);
  });

  it('waits for the agent, and reaches one of its instances only', async () => {
    const { id: agentId, socket: first } = await house.agentWith();
    first.close();
    await first.hasClosed();
    const ids = [await notify(agentId, 'one'), await notify(agentId, 'two')];
    expect(await statusOf(ids[0]!)).toBe('queued');
    const [left, right] = [await house.connect(agentId), await house.connect(agentId)];
    await until(() => left.of('notification').length + right.of('notification').length === 2);
    const heard = [...left.of('notification'), ...right.of('notification')].map(({ item }) => item.id);
    expect(heard.sort()).toEqual(ids.sort());
  });

  it('is kept while the workspace has notifications switched off', async () => {
    const { id: agentId, socket } = await house.agentWith();
    await setFeature(false);
    const held = await notify(agentId, 'later');
    await setFeature(true);
    const next = await notify(agentId, 'now');
    await socket.heard('notification', 2);
    expect(socket.of('notification').map(({ item }) => item.id)).toEqual([held, next]);
  });

  it('of another agent stays where it is', async () => {
    const { socket } = await house.agentWith();
    const other = await house.agentWith();
    other.socket.close();
    await other.socket.hasClosed();
    const id = await notify(other.id, 'not for you');
    const mine = await house.agentWith();
    const own = await notify(mine.id, 'for you');
    await until(async () => (await statusOf(own)) === 'delivered');
    expect([await statusOf(id), socket.of('notification')]).toEqual(['queued', []]);
  });
});
