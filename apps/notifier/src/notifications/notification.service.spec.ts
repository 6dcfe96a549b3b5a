import { v7 as newId } from 'uuid';
import { isGenuine, readUnsubscribeToken } from '@houston/common/notifications/unsubscribe-token.js';
import { addAgent, addChannel, addMember, addNotification } from '../../../../test/factories/notifications.js';
import { NotificationFixture } from '../../../../test/support/notification-fixture.js';
import { OutcomeRecorder } from './outcome-recorder.js';

const ID = '0199aaaa-0000-7000-8000-000000000001';
let fixture: NotificationFixture;
let slack: { id: string };

beforeAll(async () => {
  fixture = await NotificationFixture.open();
  slack = await addChannel(fixture.db, { url: fixture.slack.url, signingSecret: 'shhh' });
});
afterAll(() => fixture.close());
beforeEach(() => fixture.reset());

const toSlack = (more = {}) => addNotification(fixture.db, { channelId: slack.id, channel: 'slack' }, more);
const toMail = async (email: string, more = {}) =>
  addNotification(fixture.db, { memberId: (await addMember(fixture.db, { email })).id, channel: 'email' }, more);
const words = () => fixture.slack.received.map((seen) => JSON.parse(seen.body) as Record<string, unknown>);

describe('a notification', () => {
  it('arrives in Slack, is on record, and is not sent again by a late wake-up', async () => {
    const id = await toSlack({ title: 'Stuck <!channel>' });
    expect(await fixture.notify(id)).toEqual({ kind: 'done', wakeups: [] });
    await fixture.notify(id);
    expect(words()).toMatchObject([{ text: 'Stuck &lt;!channel&gt;' }]);
    expect(fixture.slack.received[0]!.headers['x-houston-notification']).toBe(id);
    expect(await fixture.stateOf(id)).toMatchObject({
      status: 'delivered',
      attempt_count: 1,
      next_attempt_at: null,
      claimed_until: null,
    });
    expect(await fixture.attemptsOf(id)).toMatchObject([{ number: 1, status: 200, error_class: null }]);
  });

  it('arrives in a mailbox with a genuine link to end such mails; a critical one has none', async () => {
    const notifier = fixture.notifier({ publicUrl: 'https://houston.example.com/' });
    const id = await toMail('ada@example.com');
    await fixture.notify(id, notifier);
    const [mail] = fixture.mail.received;
    expect(mail).toMatchObject({ to: ['ada@example.com'] });
    expect(mail!.headers.get('message-id')).toBe(`<${id}@example.com>`);
    const url = /^<https:\/\/houston\.example\.com\/api\/unsubscribe\/(.+)>$/.exec(
      mail!.headers.get('list-unsubscribe')!,
    )!;
    const [key] = await fixture.query<{ secret: string }>('select secret from unsubscribe_keys');
    expect(isGenuine(url[1]!, key!.secret)).toBe(true);
    expect(isGenuine(url[1]!, 'another')).toBe(false);
    expect(readUnsubscribeToken(url[1]!)).toMatchObject({ kind: 'member', eventType: 'task.blocked' });
    const critical = await toMail('eve@example.com');
    await fixture.query('update notifications set critical = true where id = $1', [critical]);
    await fixture.notify(critical, notifier);
    expect(fixture.mail.received[1]!.headers.has('list-unsubscribe')).toBe(false);
  });

  it('that is refused comes again under the same id with the same words, until it is taken', async () => {
    const id = await toSlack();
    fixture.refuse(500, 'rollup_error');
    expect(await fixture.notify(id)).toMatchObject({
      wakeups: [{ queue: 'notifications', id: `notification.${id}.1` }],
    });
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'attempted', last_error: 'rollup_error (500)' });
    fixture.reset();
    await fixture.notify(id);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'delivered', last_error: null, attempt_count: 2 });
    expect(await fixture.attemptsOf(id)).toMatchObject([{ status: 500 }, { status: 200 }]);
  });

  it('waits as long as Slack says, and comes no earlier', async () => {
    const id = await toSlack();
    fixture.refuse(429, 'rate_limited', { 'retry-after': '120' });
    await fixture.notify(id);
    const { next_attempt_at } = await fixture.stateOf(id);
    expect(next_attempt_at!.getTime() - Date.now()).toBeGreaterThan(110_000);
    expect(await fixture.notify(id)).toMatchObject({ kind: 'snooze' });
    expect(fixture.slack.received).toHaveLength(1);
  });

  it('is not sent, and loses no attempt, while Slack wants that channel left alone because of another', async () => {
    const [refused, other] = [await toSlack(), await toSlack()];
    fixture.refuse(429, 'rate_limited', { 'retry-after': '30' });
    const service = fixture.notifier();
    await fixture.notify(refused, service);
    fixture.refuse(200, 'ok');
    const answer = await fixture.notify(other, service);
    expect(answer).toMatchObject({ kind: 'snooze' });
    expect(answer.kind === 'snooze' && answer.delayMs).toBeGreaterThan(25_000);
    expect(fixture.slack.received).toHaveLength(1);
    expect(await fixture.stateOf(other)).toMatchObject({ status: 'queued', attempt_count: 0 });
  });

  it('is sent once by notifiers that are woken at the same time, in every attempt', async () => {
    const id = await toSlack();
    const services = [fixture.notifier(), fixture.notifier(), fixture.notifier()];
    for (const body of ['rollup_error', 'ok']) {
      fixture.slack.answer = (response) =>
        setTimeout(() => response.writeHead(body === 'ok' ? 200 : 500).end(body), 100);
      const before = fixture.slack.received.length;
      await Promise.all(services.map((service) => fixture.notify(id, service)));
      expect(fixture.slack.received).toHaveLength(before + 1);
    }
  });

  it('that was cut off before it was recorded is sent again under the same id, and stays on record', async () => {
    const id = await toSlack();
    class Dying extends OutcomeRecorder {
      override write(): Promise<never> {
        return Promise.reject(new Error('killed'));
      }
    }
    await expect(fixture.notify(id, fixture.notifier({}, Dying))).rejects.toThrow('killed');
    expect(await fixture.notify(id)).toEqual({ kind: 'done', wakeups: [] });
    expect(fixture.slack.received).toHaveLength(1);
    await fixture.query('update notifications set claimed_until = now() where id = $1', [id]);
    await fixture.notify(id);
    expect(fixture.slack.received.map((seen) => seen.headers['x-houston-notification'])).toEqual([id, id]);
    expect(await fixture.attemptsOf(id)).toMatchObject([
      { number: 1, error_class: 'interrupted' },
      { number: 2, error_class: null },
    ]);
  });

  it('waits while the workspace has switched notifications off, and goes out afterwards', async () => {
    const id = await toSlack();
    await fixture.query(`update workspaces set settings = '{"features": {"notifications": false}}'`);
    await fixture.notify(id);
    expect(fixture.slack.received).toHaveLength(0);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'queued', attempt_count: 0 });
    await fixture.query(`update workspaces set settings = '{}'`);
    await fixture.notify(id);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'delivered' });
  });

  it('by mail whose time comes in quiet hours waits for their end; a critical one does not, nor does Slack', async () => {
    // Twelve hours around now, by the clocks of UTC.
    const hour = (offset: number) => new Date(Date.now() + offset * 3_600_000).toISOString().slice(11, 16);
    const quietHours = { from: hour(-6), to: hour(6), timezone: 'UTC' };
    const { id: memberId } = await addMember(fixture.db, { quietHours });
    const mail = () => addNotification(fixture.db, { memberId, channel: 'email' });
    const [usual, critical] = [await mail(), await mail()];
    await fixture.query('update notifications set critical = true where id = $1', [critical]);
    expect(await fixture.notify(usual)).toMatchObject({ kind: 'snooze' });
    for (const id of [critical, await toSlack()]) await fixture.notify(id);
    expect(fixture.mail.received).toHaveLength(1);
    expect(fixture.slack.received).toHaveLength(1);
    expect(await fixture.stateOf(critical)).toMatchObject({ status: 'delivered' });
    const waiting = await fixture.stateOf(usual);
    expect(waiting).toMatchObject({ status: 'queued', attempt_count: 0, claimed_until: null });
    expect(waiting.next_attempt_at!.getTime() - Date.now()).toBeGreaterThan(5.9 * 3_600_000);
  });

  it('about a decision has buttons that name it, and other notifications have none', async () => {
    const refs = { approvalId: ID };
    await fixture.notify(await toSlack({ type: 'approval.requested', refs }));
    await fixture.notify(await toSlack({ type: 'approval.resolved', refs }));
    const silent = await addChannel(fixture.db, { url: fixture.slack.url });
    const unanswerable = { channelId: silent.id, channel: 'slack' } as const;
    await fixture.notify(await addNotification(fixture.db, unanswerable, { type: 'approval.requested', refs }));
    expect(words().map((message) => JSON.stringify(message).includes('houston_approve'))).toEqual([true, false, false]);
    expect(JSON.stringify(words()[0])).toContain(`${fixture.db.workspaceId} ${slack.id} ${ID}`);
  });

  it('about what was decided while it was on its way has no buttons', async () => {
    const { organizationId, workspaceId } = fixture.db;
    const id = newId();
    await fixture.query(
      `insert into approvals (organization_id, workspace_id, id, kind, status, policy, action, description, risk, payload_digest,
                              assignees, requested_by, decision, resolved_by, resolved_at)
       values ($1, $2, $3, 'action', 'rejected', 'pending', 'a', 'd', 'low', 'sha256:' || repeat('0', 64), '[{"role": "admin"}]',
               'system', 'reject', 'key:1', now())`,
      [organizationId, workspaceId, id],
    );
    await fixture.notify(await toSlack({ type: 'approval.reminded', refs: { approvalId: id } }));
    expect(JSON.stringify(words()[0])).not.toContain('houston_approve');
  });

  it('that answers a pressed button replaces the message at its own address, which is then forgotten', async () => {
    const id = await toSlack();
    await fixture.query('update notifications set reply_url = $2 where id = $1', [id, `${fixture.slack.url}/reply`]);
    await fixture.notify(id);
    expect(words()).toMatchObject([{ replace_original: true }]);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'delivered', reply_url: null });
  });

  it('of several events says all of them, and what comes while it is sent is not lost in it', async () => {
    const id = await toMail('digest@example.com', { title: 'First', text: 'one' });
    await fixture.query(
      `update notifications set event_id = null, digest_key = event_type, digest_open = true where id = $1`,
      [id],
    );
    await fixture.query(
      `insert into notification_items (organization_id, workspace_id, notification_id, event_id, event_seq, title, text)
       select organization_id, workspace_id, id, gen_random_uuid(), n, 'Event ' || n, 'text ' || n
         from notifications, generate_series(1, 120) n where id = $1`,
      [id],
    );
    await fixture.notify(id);
    expect(fixture.mail.received).toHaveLength(1);
    expect(fixture.mail.received[0]!.body).toMatch(/Event 1\s+text 1\s+Event 2\s+text 2/);
    expect(await fixture.stateOf(id)).toMatchObject({ title: '120 × task.blocked', digest_open: false });
    expect(fixture.mail.received[0]!.body).toContain('and 20 more');
  });
});

describe('a notification that cannot arrive', () => {
  it('is poisoned after the last attempt: kept, in the feed, among the dead letters, without its words', async () => {
    const id = await toSlack({ text: 'private words' });
    fixture.refuse(500, 'rollup_error');
    for (let attempt = 1; attempt <= 4; attempt += 1) await fixture.notify(id);
    expect(fixture.slack.received).toHaveLength(3);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'poisoned', attempt_count: 3, next_attempt_at: null });
    const [letter] = await fixture.deadLettersOf(id);
    expect(letter).toMatchObject({ reason: 'attempts', status: 'open' });
    const told = await fixture.eventsAbout(id);
    expect(told).toMatchObject([
      { type: 'notification.poisoned', data: { channelId: slack.id, attempts: 3, deadLetterId: letter!.id } },
    ]);
    expect(JSON.stringify(told)).not.toContain('private words');
  });

  it('because Slack or the mail server refuses it for good has failed at once', async () => {
    const gone = await toSlack();
    fixture.refuse(404, 'channel_not_found');
    await fixture.notify(gone);
    const unknown = await toMail('nobody@example.com');
    fixture.mail.recipient = () => ({ code: 550, text: 'no such user' });
    await fixture.notify(unknown);
    for (const [id, error] of [
      [gone, 'channel_not_found (404)'],
      [unknown, 'mail_refused (550): 550 no such user'],
    ] as const) {
      expect(await fixture.stateOf(id)).toMatchObject({ status: 'failed', attempt_count: 1, last_error: error });
      expect(await fixture.deadLettersOf(id)).toMatchObject([{ reason: 'permanent', status: 'open' }]);
      expect((await fixture.eventsAbout(id)).map((event) => event.type)).toEqual(['notification.failed']);
    }
  });

  it('because it was greylisted arrives in the second attempt, under the same id', async () => {
    const id = await toMail('grey@example.com');
    fixture.mail.recipient = () => ({ code: 451, text: 'come again' });
    await fixture.notify(id);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'attempted' });
    fixture.mail.recipient = () => null;
    await fixture.notify(id);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'delivered', attempt_count: 2 });
  });

  it('because its recipient is gone or disabled is given up without an attempt', async () => {
    const channel = await addChannel(fixture.db, { url: fixture.slack.url, status: 'disabled' });
    const toDisabled = await addNotification(fixture.db, { channelId: channel.id, channel: 'slack' });
    const toRemoved = await toMail('removed@example.com');
    await fixture.query(`update members set status = 'removed', email = null where email = 'removed@example.com'`);
    for (const id of [toDisabled, toRemoved]) {
      await fixture.notify(id);
      expect(await fixture.stateOf(id)).toMatchObject({ status: 'failed', attempt_count: 0 });
      expect(await fixture.deadLettersOf(id)).toMatchObject([{ reason: 'permanent' }]);
    }
    expect([fixture.slack.received, fixture.mail.received]).toEqual([[], []]);
  });

  it('because there is no mail server waits for one, and does not fail for good', async () => {
    const id = await toMail('later@example.com');
    await fixture.notify(id, fixture.notifier({ smtpUrl: undefined }));
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'attempted', last_error: 'no_mail_server' });
  });

  it('because it kills its sender time after time is poisoned', async () => {
    const id = await toSlack();
    await fixture.query(
      `update notifications set status = 'attempted', interruption_count = 7, attempt_count = 8, claimed_until = now(),
              claimed_at = now() where id = $1`,
      [id],
    );
    await fixture.notify(id);
    expect(fixture.slack.received).toHaveLength(0);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'poisoned' });
    expect(await fixture.deadLettersOf(id)).toMatchObject([{ reason: 'poison' }]);
  });

  it('because no agent took it is given up when its time is over, and not before', async () => {
    const { id: agentId } = await addAgent(fixture.db);
    const id = await toSlack();
    await fixture.query(
      `update notifications set channel = 'agent', agent_id = $2, channel_id = null, next_attempt_at = now() + interval '1 day'
        where id = $1`,
      [id, agentId],
    );
    expect(await fixture.notify(id)).toMatchObject({ kind: 'snooze' });
    await fixture.query('update notifications set next_attempt_at = now() where id = $1', [id]);
    await fixture.notify(id);
    expect(await fixture.stateOf(id)).toMatchObject({ status: 'failed' });
    expect(await fixture.deadLettersOf(id)).toMatchObject([{ reason: 'timeout' }]);
  });

  it('raises no event when it is such news itself', async () => {
    const id = await toSlack({ type: 'notification.poisoned' });
    fixture.refuse(404, 'no_service');
    await fixture.notify(id);
    expect(await fixture.deadLettersOf(id)).toHaveLength(1);
    expect(await fixture.eventsAbout(id)).toEqual([]);
  });
});

it('a wake-up for what does not exist, or lives in another workspace, does nothing', async () => {
  const id = await toSlack();
  const elsewhere = { ...fixture.payload(id), workspaceId: ID };
  expect(await fixture.notifier().notify(elsewhere)).toEqual({ kind: 'done', wakeups: [] });
  expect(await fixture.notify(ID)).toEqual({ kind: 'done', wakeups: [] });
  expect(fixture.slack.received).toHaveLength(0);
});
