import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { type MailServer, startMailServer } from '../../../../test/support/mail-server.js';
import { type EmailAttempt, mustBeProven, sendEmail } from './email.js';

let server: MailServer;

beforeEach(async () => {
  server = await startMailServer();
});
afterEach(() => server.close());

const send = (more: Partial<EmailAttempt> = {}) =>
  sendEmail({
    smtpUrl: server.url,
    from: 'Houston <houston@example.com>',
    to: 'ada@example.com',
    subject: 'Blocked',
    text: 'It waits.',
    messageId: '<n-1@example.com>',
    unsubscribeUrl: 'https://houston.example.com/u/token',
    deadlineMs: 5_000,
    ...more,
  });

describe('a mail', () => {
  it('arrives as plain text, under its own id, with a way to end such mails by one click', async () => {
    expect(await send()).toMatchObject({ kind: 'delivered', status: 250 });
    const [mail, ...more] = server.received;
    expect(more).toEqual([]);
    expect(mail).toMatchObject({ from: 'houston@example.com', to: ['ada@example.com'] });
    expect(mail!.body.trim()).toBe('It waits.');
    expect(Object.fromEntries(mail!.headers)).toMatchObject({
      subject: 'Blocked',
      'message-id': '<n-1@example.com>',
      'content-type': 'text/plain; charset=utf-8',
      'list-unsubscribe': '<https://houston.example.com/u/token>',
      'list-unsubscribe-post': 'List-Unsubscribe=One-Click',
      'auto-submitted': 'auto-generated',
    });
  });

  it('that says what must be heard has no way to end such mails', async () => {
    await send({ unsubscribeUrl: null });
    expect([...server.received[0]!.headers.keys()].filter((name) => name.startsWith('list-'))).toEqual([]);
  });

  it('gets no header and no recipient from the words it carries', async () => {
    await send({ subject: 'a\r\nBcc: all@example.com\nX-Evil: 1', text: 'b\r\n.\r\nRCPT TO:<all@example.com>' });
    await send({ to: 'ada@example.com, all@example.com' });
    expect(server.received.flatMap((mail) => mail.to).filter((to) => to.startsWith('all@'))).toEqual([]);
    expect(server.received[0]!.headers.has('bcc')).toBe(false);
    expect(server.received[0]!.headers.has('x-evil')).toBe(false);
  });

  it('shows markup as the signs it is made of', async () => {
    await send({ text: '<script>alert(1)</script> <!channel>' });
    expect(server.received[0]!.source).not.toMatch(/text\/html/i);
    expect(server.received[0]!.body).toContain('<script>alert(1)</script>');
  });
});

describe('a mail server', () => {
  it('that does not know the recipient is not asked again', async () => {
    server.recipient = () => ({ code: 550, text: 'no such user' });
    const outcome = await send();
    expect(outcome).toMatchObject({
      kind: 'failed',
      errorClass: 'mail_refused',
      isPermanent: true,
      isEndpointAtFault: false,
      status: 550,
    });
    expect(JSON.stringify(outcome)).toContain('no such user');
  });

  it('that greylists the recipient is asked again, and is not held to be broken', async () => {
    server.recipient = () => ({ code: 451, text: 'greylisted, come again' });
    expect(await send()).toMatchObject({
      kind: 'failed',
      errorClass: 'mail_deferred',
      isPermanent: false,
      isEndpointAtFault: false,
      status: 451,
    });
    server.recipient = () => null;
    expect(await send()).toMatchObject({ kind: 'delivered' });
  });

  it('that falls silent after the data is left at the deadline', async () => {
    server.answers = false;
    const startedAt = performance.now();
    expect(await send({ deadlineMs: 400 })).toMatchObject({
      kind: 'failed',
      errorClass: 'timeout',
      isPermanent: false,
      isEndpointAtFault: true,
    });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    expect(server.received).toHaveLength(1);
  });

  it('that is not there is asked again, and is said not to be there', async () => {
    const { url } = server;
    await server.close();
    expect(await send({ smtpUrl: url })).toMatchObject({
      ...{ kind: 'failed', isPermanent: false, isEndpointAtFault: true },
      ...{ errorClass: 'connection_refused', detail: expect.stringContaining('127.0.0.1') },
    });
    server = await startMailServer();
  });

  describe('with a certificate that nobody vouches for', () => {
    it('is sent mail over STARTTLS on this machine, as it would be without encryption', async () => {
      const own = await startMailServer({ hideSTARTTLS: false });
      expect(await send({ smtpUrl: own.url })).toMatchObject({ kind: 'delivered' });
      expect(own.received.map(({ isSecure }) => isSecure)).toEqual([true]);
      await own.close();
    });

    it('is sent mail over smtps:// on this machine, and nothing in the clear', async () => {
      const own = await startMailServer({ secure: true });
      expect(await send({ smtpUrl: own.url.replace('smtp:', 'smtps:') })).toMatchObject({ kind: 'delivered' });
      expect(own.received.map(({ isSecure }) => isSecure)).toEqual([true]);
      await own.close();
    });

    it('elsewhere is told no password, and nothing where encryption was asked for', () => {
      const isRefused = (url: string) => mustBeProven(new URL(url));
      expect(
        ['smtp://mail.inside', 'smtps://127.0.0.1', 'smtp://a:b@localhost', 'smtp://[::1]'].map(isRefused),
      ).toEqual([false, false, false, false]);
      expect(['smtps://mail.inside', 'smtp://a:b@mail.inside', 'smtps://127.0.0.1.example.com'].map(isRefused)).toEqual(
        [true, true, true],
      );
    });
  });

  describe('that drips, or turns us away at the door,', () => {
    let raw: Server;
    let greet: (socket: Socket) => void;

    beforeEach(async () => {
      raw = createServer((socket) => {
        socket.on('error', () => undefined);
        greet(socket);
      });
      await new Promise<void>((resolve) => raw.listen(0, '127.0.0.1', resolve));
    });
    afterEach(() => raw.close());
    const url = () => `smtp://127.0.0.1:${(raw.address() as AddressInfo).port}`;

    it('holds nobody up beyond the deadline', async () => {
      greet = (socket) => {
        const drip = setInterval(() => socket.write('2'), 20);
        socket.on('close', () => clearInterval(drip));
      };
      const startedAt = performance.now();
      expect(await send({ smtpUrl: url(), deadlineMs: 300 })).toMatchObject({ errorClass: 'timeout' });
      expect(performance.now() - startedAt).toBeLessThan(5_000);
    });

    it('is asked again: that is not about the mail', async () => {
      greet = (socket) => socket.end('554 no service here\r\n');
      const outcome = await send({ smtpUrl: url() });
      expect(outcome).toMatchObject({ kind: 'failed', isPermanent: false, isEndpointAtFault: true });
    });
  });
});
