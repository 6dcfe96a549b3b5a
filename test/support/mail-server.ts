import type { AddressInfo } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';

export interface ReceivedMail {
  from: string;
  to: string[];
  /** As it came over the wire. */
  source: string;
  /** By lower-case name, unfolded. */
  headers: Map<string, string>;
  body: string;
  /** Over TLS. */
  isSecure: boolean;
}

export interface MailServer {
  /** `smtp://127.0.0.1:<port>` */
  url: string;
  received: ReceivedMail[];
  /** What a recipient is answered; null lets it pass. */
  recipient: (address: string) => { code: number; text: string } | null;
  /** Whether a mail is answered after its data; those that are not are kept waiting for ever. */
  answers: boolean;
  close(): Promise<void>;
}

/** A real mail server on loopback that keeps what it is handed; it offers no encryption unless told. */
export async function startMailServer(options: SMTPServerOptions = {}): Promise<MailServer> {
  const smtp = new SMTPServer({
    authOptional: true,
    hideSTARTTLS: true,
    logger: false,
    ...options,
    onRcptTo: ({ address }, _session, done) => {
      const refusal = server.recipient(address);
      done(refusal === null ? null : Object.assign(new Error(refusal.text), { responseCode: refusal.code }));
    },
    onData: (stream, { envelope, secure: isSecure }, done) => {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const from = envelope.mailFrom === false ? '' : envelope.mailFrom.address;
        const to = envelope.rcptTo.map(({ address }) => address);
        server.received.push({ from, to, isSecure, ...parse(Buffer.concat(chunks).toString('utf8')) });
        if (server.answers) done(null, 'taken');
      });
    },
  });
  // A client that gives up resets the connection.
  smtp.on('error', () => undefined);
  await new Promise<void>((resolve) => void smtp.listen(0, '127.0.0.1', resolve));
  const server: MailServer = {
    url: `smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`,
    received: [],
    recipient: () => null,
    answers: true,
    close: () => new Promise((resolve) => smtp.close(() => resolve())),
  };
  return server;
}

function parse(source: string): Pick<ReceivedMail, 'source' | 'headers' | 'body'> {
  const [head = '', ...body] = source.split('\r\n\r\n');
  const lines = head.replace(/\r\n[ \t]+/g, ' ').split('\r\n');
  const headers = new Map(
    lines.map((line) => {
      const [name = '', ...value] = line.split(': ');
      return [name.toLowerCase(), value.join(': ')];
    }),
  );
  return { source, headers, body: body.join('\r\n\r\n') };
}
