import { Socket } from 'node:net';
import nodemailer from 'nodemailer';
import type { ChannelFailed, ChannelOutcome } from './channel-outcome.js';

const DEFAULT_DEADLINE_MS = 15_000;
/** Silence within a conversation that is taken for its end. */
const SILENCE_MS = 10_000;
const MAX_DETAIL = 300;

export interface EmailAttempt {
  /** `smtp://` or `smtps://`, with user and password where the server wants them. */
  smtpUrl: string;
  from: string;
  to: string;
  subject: string;
  text: string;
  /** Stable over all attempts, so that a mailbox can tell repetitions. */
  messageId: string;
  /** Where one click ends such mails; null: they cannot be ended. */
  unsubscribeUrl: string | null;
  /** Time for everything together, in milliseconds; default 15,000. */
  deadlineMs?: number;
}

/** Hands one mail to the mail server, as plain text. Never throws for what the server does. */
export async function sendEmail(attempt: EmailAttempt): Promise<ChannelOutcome> {
  const startedAtMs = performance.now();
  const elapsedMs = () => Math.round(performance.now() - startedAtMs);
  const deadlineMs = attempt.deadlineMs ?? DEFAULT_DEADLINE_MS;
  const socket = new Socket();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    socket.destroy(new Error('The mail server did not finish in time'));
  }, deadlineMs);
  const transport = nodemailer.createTransport({ ...connectionOf(attempt.smtpUrl, deadlineMs), socket });
  try {
    const { response } = await transport.sendMail(mailOf(attempt));
    return { kind: 'delivered', status: codeOf(response), response, durationMs: elapsedMs() };
  } catch (error) {
    return { ...judgeSmtpFault(error, isLate), durationMs: elapsedMs() };
  } finally {
    clearTimeout(timer);
    transport.close();
    socket.destroy();
  }
}

function connectionOf(smtpUrl: string, deadlineMs: number) {
  const url = new URL(smtpUrl);
  const secure = url.protocol === 'smtps:';
  const user = decodeURIComponent(url.username);
  return {
    host: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port) || (secure ? 465 : 587),
    secure,
    ...(user === '' ? {} : { auth: { user, pass: decodeURIComponent(url.password) } }),
    tls: { rejectUnauthorized: mustBeProven(url) },
    connectionTimeout: deadlineMs,
    greetingTimeout: deadlineMs,
    socketTimeout: Math.min(SILENCE_MS, deadlineMs),
    socketCloseTimeout: 0,
    disableFileAccess: true,
    disableUrlAccess: true,
  };
}

/**
 * Whether the mail server's certificate has to be genuine. Where STARTTLS is merely taken if offered it need not be: whoever
 * could forge it could as well hide the offer, and mail servers inside sign their own. A password goes to no stranger, and
 * `smtps://` is meant; this machine needs no proof.
 */
export function mustBeProven({ protocol, username, hostname }: URL): boolean {
  const isHere = hostname === 'localhost' || hostname === '[::1]' || /^127\.\d+\.\d+\.\d+$/.test(hostname);
  return !isHere && (protocol === 'smtps:' || username !== '');
}

function mailOf({ from, to, subject, text, messageId, unsubscribeUrl }: EmailAttempt) {
  return {
    from,
    // As an object: an address is never read as a list of several.
    to: { name: '', address: to },
    subject: subject.replace(/[\r\n]+/g, ' '),
    text,
    messageId,
    headers: {
      'Auto-Submitted': 'auto-generated',
      ...(unsubscribeUrl === null
        ? {}
        : { 'List-Unsubscribe': `<${unsubscribeUrl}>`, 'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click' }),
    },
  };
}

/**
 * What a failure to hand a mail over means. 5xx about the mail or its recipient is for good; about us (greeting, login)
 * it is the operator's to mend, and until then as passing as 4xx and a broken connection.
 */
export function judgeSmtpFault(error: unknown, isLate: boolean): Omit<ChannelFailed, 'durationMs'> {
  const { responseCode: status, response, code = '', command = '', message = '' } = error as SmtpFault;
  if (isLate || code === 'ETIMEDOUT') {
    return { kind: 'failed', errorClass: 'timeout', isPermanent: false, isEndpointAtFault: true };
  }
  if (typeof status !== 'number' || typeof response !== 'string') {
    const detail = message.trim().slice(0, MAX_DETAIL);
    return { kind: 'failed', errorClass: nameOf(code, message), isPermanent: false, isEndpointAtFault: true, detail };
  }
  const isAboutUs = code === 'EAUTH' || ['CONN', 'EHLO', 'HELO', 'STARTTLS'].includes(command);
  const isPermanent = status >= 500 && !isAboutUs;
  const errorClass = isAboutUs ? 'server_refused' : isPermanent ? 'mail_refused' : 'mail_deferred';
  const answer = { status, response: response.slice(0, 1_000) };
  return { kind: 'failed', errorClass, isPermanent, isEndpointAtFault: isAboutUs, ...answer };
}

interface SmtpFault {
  responseCode?: unknown;
  response?: unknown;
  code?: string;
  command?: string;
  message?: string;
}

const NAMES = new Map([
  ['EDNS', 'dns_error'],
  ['ENOTFOUND', 'dns_error'],
  ['ECONNREFUSED', 'connection_refused'],
  ['ECONNRESET', 'connection_reset'],
  ['ETLS', 'tls_error'],
  ['EPROTOCOL', 'protocol_error'],
]);

/** Of whatever happens to its socket nodemailer says only that it did; which it was stands in the words. */
function nameOf(code: string, message: string): string {
  const inWords = /\bE[A-Z]{3,}\b/.exec(message)?.[0] ?? '';
  const known = NAMES.get(code) ?? NAMES.get(inWords);
  if (known !== undefined) return known;
  return /certificate|\bSSL\b|\bTLS\b/i.test(message) ? 'tls_error' : 'connection_failed';
}

function codeOf(response: string): number | undefined {
  return Number(/^(\d{3})/.exec(response)?.[1]) || undefined;
}
