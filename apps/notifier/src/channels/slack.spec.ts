import fc from 'fast-check';
import { startReceiver, type WebhookReceiver } from '../../../../test/support/webhook-receiver.js';
import { sendToSlack } from './slack.js';
import { slackMessage, type SlackMessage } from './slack-message.js';

const ID = '0199aaaa-0000-7000-8000-000000000001';
const message: SlackMessage = {
  title: 'Blocked',
  text: 'It waits.',
  footer: 'task',
  button: null,
  reply: null,
};

describe('Slack', () => {
  let receiver: WebhookReceiver;

  beforeEach(async () => {
    receiver = await startReceiver();
  });
  afterEach(() => receiver.close());

  const answering = (status: number, body: string, headers: Record<string, string> = {}) => {
    receiver.answer = (response) => response.writeHead(status, headers).end(body);
    const where = { url: receiver.url, allowCidrs: ['127.0.0.0/8'], notificationId: ID, deadlineMs: 2_000 };
    return sendToSlack({ ...where, body: slackMessage(message) });
  };

  it('has taken a message when it says ok', async () => {
    expect(await answering(200, 'ok')).toMatchObject({ kind: 'delivered', status: 200 });
    expect(await answering(200, '{"ok":true}')).toMatchObject({ kind: 'delivered' });
    expect(receiver.received[0]!.headers).toMatchObject({
      'content-type': 'application/json',
      'x-houston-notification': ID,
    });
  });

  it('has taken it as well when a server of its kind says so in another word, and is not sent it twice', async () => {
    for (const word of ['success', 'accepted', 'thank_you', '']) {
      expect(await answering(200, word)).toMatchObject({ kind: 'delivered', status: 200 });
    }
  });

  it.each([
    [200, 'no_service'],
    [403, 'invalid_token'],
    [404, 'channel_not_found'],
    [404, 'no_service'],
    [410, 'channel_is_archived'],
    [403, 'action_prohibited'],
    [400, 'invalid_payload'],
    [200, '{"ok":false,"error":"invalid_token"}'],
  ])('is not asked again after %s %s', async (status, body) => {
    expect(await answering(status, body)).toMatchObject({
      kind: 'failed',
      isPermanent: true,
      status,
      errorClass: /[a-z]+_[a-z_]+/.exec(body)![0],
    });
  });

  it.each([
    [500, 'rollup_error'],
    [503, ''],
    [200, 'rate_limited'],
    [200, '{"ok":false,"error":"ratelimited"}'],
  ])('is asked again after %s %s', async (status, body) => {
    expect(await answering(status, body)).toMatchObject({ kind: 'failed', isPermanent: false });
  });

  it('is left alone for as long as it says', async () => {
    expect(await answering(429, 'rate_limited', { 'retry-after': '30' })).toMatchObject({
      kind: 'failed',
      isPermanent: false,
      retryAfterMs: 30_000,
    });
  });

  it('is not reached at an address inside', async () => {
    const { url } = receiver;
    const body = slackMessage(message);
    expect(await sendToSlack({ url, body, allowCidrs: [], notificationId: ID })).toMatchObject({
      kind: 'failed',
      errorClass: 'blocked_address',
    });
    expect(receiver.received).toEqual([]);
  });
});

describe('a message for Slack', () => {
  it('calls nobody and links nowhere, whatever its words', () => {
    fc.assert(
      fc.property(
        fc.string({ unit: 'binary' }),
        fc.constantFrom('<!channel>', '<@U1>', '<http://x|y>', '&amp;'),
        (s, m) => {
          const said = s + m + s;
          const text = slackMessage({ ...message, title: said, text: said, footer: said });
          expect(text).not.toMatch(/[<>]/);
          JSON.parse(text);
        },
      ),
    );
  });

  it('stays within what Slack takes, and never ends within an entity', () => {
    const { blocks } = JSON.parse(slackMessage({ ...message, title: '&'.repeat(500), text: '<'.repeat(9_000) })) as {
      blocks: { text: { text: string } }[];
    };
    expect(blocks[0]!.text.text).toMatch(/^(&amp;)+…$/);
    expect(blocks[0]!.text.text.length).toBeLessThanOrEqual(150);
    expect(blocks[1]!.text.text).toMatch(/^(&lt;)+…$/);
    expect(blocks[1]!.text.text.length).toBeLessThanOrEqual(3_000);
  });

  it('has buttons only where somebody may press them, and none when it replaces another', () => {
    const button = { organizationId: ID, workspaceId: ID, channelId: ID, approvalId: ID };
    expect(slackMessage({ ...message, button })).toContain('houston_approve');
    const replacement = JSON.parse(slackMessage({ ...message, reply: 'replace' })) as { replace_original: boolean };
    expect(replacement.replace_original).toBe(true);
    expect(JSON.stringify(replacement)).not.toContain('button');
  });
});
