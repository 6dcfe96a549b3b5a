import { createHmac } from 'node:crypto';
import { buttonValue } from '@houston/common/notifications/slack-answer.js';
import supertest from 'supertest';
import { requestApproval } from '../../../../test/factories/approval.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { addChannel } from '../../../../test/factories/notifications.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';

const SECRET = 'signing secret of the app';
const RESPONSE_URL = 'https://hooks.slack.com/actions/T0/1/abc';

describe('a button pressed in Slack', () => {
  let gateway: TestGateway;
  let agent: ApiClient;
  let channelId: string;

  beforeAll(async () => {
    gateway = await startGateway();
    agent = gateway.as(await gateway.key({ role: 'agent', agentId: (await insertAgent(gateway.db)).id }));
    channelId = (await addChannel(gateway.db, { signingSecret: SECRET })).id;
  });
  afterAll(() => gateway.close());

  interface Press {
    action?: string;
    secret?: string;
    ageSeconds?: number;
    channel?: string;
    responseUrl?: string;
    /** Sent instead of what was signed. */
    tampered?: (body: string) => string;
  }

  const press = (approvalId: string, more: Press = {}) => {
    const { action = 'houston_approve', secret = SECRET, ageSeconds = 0, channel = channelId } = more;
    const { organizationId, workspaceId } = gateway.db;
    const value = buttonValue({ organizationId, workspaceId, channelId: channel, approvalId });
    const payload = {
      type: 'block_actions',
      user: { id: 'U123', username: 'ada <!channel>' },
      response_url: more.responseUrl ?? RESPONSE_URL,
      actions: [{ action_id: action, value }],
    };
    const body = new URLSearchParams({ payload: JSON.stringify(payload) }).toString();
    const timestamp = String(Math.floor(Date.now() / 1_000) - ageSeconds);
    const signature = `v0=${createHmac('sha256', secret).update(`v0:${timestamp}:${body}`).digest('hex')}`;
    return supertest(gateway.url)
      .post('/api/slack/interactions')
      .set({ 'x-slack-signature': signature, 'x-slack-request-timestamp': timestamp })
      .type('form')
      .send(more.tampered?.(body) ?? body);
  };
  const ask = (more = {}) => requestApproval(agent, { risk: 'medium', confidence: 70, ...more });
  const statusOf = async (id: string) => {
    const approval = bodyOf<Record<string, unknown>>(await gateway.owner.get(`/api/approvals/${id}`), 200);
    return [approval['status'], approval['resolvedBy']];
  };
  const repliesAbout = (id: string) =>
    gateway.db.database.inWorkspace(gateway.db, (tx) =>
      tx.query<{ title: string; text: string; refs: object; reply_url: string; status: string }>(
        'select title, text, refs, reply_url, status from notifications where subject = $1 order by id',
        [`approval:${id}`],
      ),
    );

  it('decides, in the name of whoever pressed it, and the message is edited', async () => {
    const { id } = await ask();
    await press(id).expect(200);
    expect(await statusOf(id)).toEqual(['approved', 'slack:U123']);
    expect(await repliesAbout(id)).toMatchObject([
      { title: expect.stringMatching(/: approved$/) as string, refs: {}, reply_url: RESPONSE_URL, status: 'queued' },
    ]);
    const [told] = await gateway.db.database.inWorkspace(gateway.db, (tx) =>
      tx.query(`select data ->> 'slackChannelId' as id from events where subject = $1 order by seq desc limit 1`, [
        `approval:${id}`,
      ]),
    );
    expect(told).toEqual({ id: channelId });
  });

  it('is answered in one line of limited length, without the secrets that were pasted into the request', async () => {
    const secret = 'hou_0123456789abcdefghijklmnop';
    const { id } = await ask({ subject: { action: `use ${secret}\r\n${'x'.repeat(150)}` } });
    await press(id).expect(200);
    const [reply] = await repliesAbout(id);
    expect(reply!.title).toMatch(/^use \[secret removed\] x{150}: approved$/);
  });

  it('rejects as well', async () => {
    const { id } = await ask();
    await press(id, { action: 'houston_reject' }).expect(200);
    expect(await statusOf(id)).toEqual(['rejected', 'slack:U123']);
  });

  it('again, or by many at once, changes nothing, and the message goes on saying what was decided and by whom', async () => {
    const { id } = await ask();
    await Promise.all(
      Array.from({ length: 10 }, (_, n) => press(id, n % 2 ? { action: 'houston_reject' } : {}).expect(200)),
    );
    const replies = await repliesAbout(id);
    expect(replies).toHaveLength(10);
    expect(new Set(replies.map(({ title }) => title)).size).toBe(1);
    expect(replies[0]!.title).toMatch(/: (approved|rejected)$/);
    const late = replies.filter(({ text }) => /^Decided already\. In Slack, by \S+/.test(text));
    expect(late).toHaveLength(9);
  });

  it('does not decide what is for owners alone, nor what is asked of somebody by name: only the one who pressed is told', async () => {
    const blocked = await ask({ risk: 'high' });
    await press(blocked.id).expect(200);
    expect((await statusOf(blocked.id))[0]).toBe('pending');
    expect(await repliesAbout(blocked.id)).toMatchObject([{ title: 'Not decided', refs: { reply: 'ephemeral' } }]);
  });

  it.each<[string, Press]>([
    ['signed with another secret', { secret: 'guess' }],
    ['older than five minutes', { ageSeconds: 301 }],
    ['from the future', { ageSeconds: -400 }],
    ['changed after it was signed', { tampered: (body) => body.replace('U123', 'U999') }],
    ['for a channel that is not there', { channel: '0199aaaa-0000-7000-8000-000000000001' }],
  ])('that is %s is refused and decides nothing', async (_what, more) => {
    const { id } = await ask();
    await press(id, more).expect(401);
    expect((await statusOf(id))[0]).toBe('pending');
    expect(await repliesAbout(id)).toEqual([]);
  });

  it('of a channel that was disabled, or has no secret, is refused', async () => {
    const { id } = await ask();
    const disabled = await addChannel(gateway.db, { signingSecret: SECRET, status: 'disabled' });
    const silent = await addChannel(gateway.db);
    await press(id, { channel: disabled.id }).expect(401);
    await press(id, { channel: silent.id }).expect(401);
  });

  it('decides also where the address to answer at leads inside, but nothing is sent there', async () => {
    const { id } = await ask();
    await press(id, { responseUrl: 'http://169.254.169.254/latest/meta-data' }).expect(200);
    expect((await statusOf(id))[0]).toBe('approved');
    expect(await repliesAbout(id)).toEqual([]);
    const edited = await gateway.db.database.inWorkspace(gateway.db, (tx) =>
      tx.query(`select 1 from events where subject = $1 and data ? 'slackChannelId'`, [`approval:${id}`]),
    );
    expect(edited).toEqual([]);
  });

  it('is a form: JSON and nonsense are refused', async () => {
    const http = supertest(gateway.url);
    await http.post('/api/slack/interactions').send({ payload: '{}' }).expect(415);
    for (const body of [
      'payload=%7B',
      'payload=null',
      'payload=%5B%5D',
      'x=y',
      'payload={"actions":{}}',
      'payload={"actions":[null]}',
    ]) {
      await http.post('/api/slack/interactions').type('form').send(body).expect(401);
    }
  });
});
