import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import type { ChannelView } from './channel.view.js';

const URL = 'https://hooks.slack.com/services/T000/B000/verysecretpath';
const SECRET = 'signing-secret-0123';

describe('channels over HTTP', () => {
  let gateway: TestGateway;
  let made = 0;

  beforeAll(async () => {
    gateway = await startGateway();
  });
  afterAll(() => gateway.close());

  const fields = (more: object = {}) => ({
    name: `c${(made += 1)}`,
    kind: 'slack',
    url: URL,
    events: ['budget.*'],
    ...more,
  });
  const create = async (more: object = {}) =>
    bodyOf<ChannelView>(await gateway.owner.post('/api/channels', fields(more)), 201);
  const mailbox = { kind: 'email', url: undefined, to: 'ops@example.com' };
  const query = <T>(sql: string) => gateway.db.database.inWorkspace(gateway.db, (tx) => tx.query<T>(sql));

  it('are made, listed, found, changed and deleted', async () => {
    const slack = await create({ signingSecret: SECRET });
    expect(slack).toMatchObject({ kind: 'slack', to: null, status: 'enabled', hasSigningSecret: true });
    const mail = await create(mailbox);
    expect(mail).toMatchObject({ kind: 'email', to: 'ops@example.com', hasSigningSecret: false });
    const list = bodyOf<{ items: ChannelView[] }>(await gateway.owner.get('/api/channels'), 200);
    expect(list.items.map((one) => one.id)).toEqual([slack.id, mail.id]);
    const changed = await gateway.owner.patch(`/api/channels/${mail.id}`, { to: 'dev@example.com', events: ['*'] });
    expect(bodyOf(changed, 200)).toMatchObject({ to: 'dev@example.com', events: ['*'] });
    expect(changed.headers['etag']).toBe('"2"');
    expect((await gateway.owner.delete(`/api/channels/${mail.id}`)).status).toBe(204);
    expect((await gateway.owner.get(`/api/channels/${mail.id}`)).status).toBe(404);
  });

  it('never show their address or secret again, not even in the ledger', async () => {
    const { id } = await create({ signingSecret: SECRET });
    const answers = [
      await gateway.owner.get(`/api/channels/${id}`),
      await gateway.owner.get('/api/channels'),
      await gateway.owner.patch(`/api/channels/${id}`, { url: `${URL}2`, signingSecret: `${SECRET}2` }),
    ].map((answer) => answer.text);
    const events = await query<{ data: object }>(`select data from events where type like 'channel.%'`);
    expect(events.length).toBeGreaterThan(1);
    for (const text of [...answers, JSON.stringify(events)]) expect(text).not.toMatch(/verysecretpath|signing-secret/);
    const [kept] = await query(`select url, signing_secret from channel_secrets where channel_id = '${id}'`);
    expect(kept).toEqual({ url: `${URL}2`, signing_secret: `${SECRET}2` });
  });

  it('lose their buttons with their secret, and keep their address', async () => {
    const { id } = await create({ signingSecret: SECRET });
    const after = await gateway.owner.patch(`/api/channels/${id}`, { signingSecret: null });
    expect(bodyOf(after, 200)).toMatchObject({ hasSigningSecret: false });
    const [kept] = await query(`select url from channel_secrets where channel_id = '${id}'`);
    expect(kept).toEqual({ url: URL });
  });

  it.each([
    [{ url: 'http://127.0.0.1/hook' }, 'url'],
    [{ url: 'http://169.254.169.254/latest' }, 'url'],
    [{ url: undefined }, 'url'],
    [{ to: 'ops@example.com' }, 'to'],
    [{ ...mailbox, to: undefined }, 'to'],
    [{ ...mailbox, to: 'ops@example.com, all@example.com' }, 'to'],
    [{ ...mailbox, to: 'ops@example.com\r\nBcc: all@example.com' }, 'to'],
    [{ ...mailbox, url: URL }, 'url'],
    [{ kind: 'pigeon' }, 'kind'],
    [{ events: ['no pattern'] }, 'events'],
    [{ events: [] }, 'events'],
    [{ signingSecret: null }, 'signingSecret'],
  ])('are refused with %j', async (more, path) => {
    const answer = await gateway.owner.post('/api/channels', fields(more));
    expect(answer.status).toBe(422);
    expect((answer.body as { errors: { path: string }[] }).errors[0]!.path).toMatch(path);
  });

  it('have names of their own, and are changed only as they were seen', async () => {
    const [one, other] = [await create(), await create()];
    expect((await gateway.owner.post('/api/channels', fields({ name: one.name }))).status).toBe(409);
    expect((await gateway.owner.patch(`/api/channels/${other.id}`, { name: one.name })).status).toBe(409);
    const stale = await gateway.owner.patch(`/api/channels/${one.id}`, { name: 'new' }, { 'if-match': '"7"' });
    expect(stale.status).toBe(412);
  });

  it('are made once by one Idempotency-Key', async () => {
    const body = fields();
    const answers = [1, 2].map(() => gateway.owner.post('/api/channels', body, { 'idempotency-key': 'channel-1' }));
    const ids = new Set<string>();
    for (const answer of await Promise.all(answers))
      if (answer.status === 201) ids.add((answer.body as ChannelView).id);
    expect(ids.size).toBe(1);
  });

  it('that are disabled hear nothing more: what is on its way is due to be given up', async () => {
    const { id } = await create();
    await query(
      `insert into notifications (organization_id, workspace_id, id, event_id, event_type, channel, channel_id, title, text,
                                  subject, next_attempt_at)
       values ('${gateway.db.organizationId}', '${gateway.db.workspaceId}', gen_random_uuid(), gen_random_uuid(), 'x.y',
               'slack', '${id}', 't', '', 's:1', now() + interval '1 hour')`,
    );
    const disabled = bodyOf(await gateway.owner.patch(`/api/channels/${id}`, { status: 'disabled' }), 200);
    expect(disabled).toMatchObject({ status: 'disabled', disabledReason: 'by_user' });
    const [row] = await query(`select next_attempt_at <= now() as due from notifications where channel_id = '${id}'`);
    expect(row).toEqual({ due: true });
    expect((await gateway.owner.delete(`/api/channels/${id}`)).status).toBe(204);
    expect(await query(`select 1 from notifications where channel_id = '${id}'`)).toEqual([]);
  });
});
