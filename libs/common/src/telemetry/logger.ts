import type { LoggerService, LogLevel as NestLevel } from '@nestjs/common';
import { pino, type DestinationStream, type Logger } from 'pino';
import type { LogLevel } from '../config/config.js';

/** What Nest tells about its own start: of interest only to who looks for a fault in it. */
const FRAMEWORK_CONTEXTS = new Set([
  'NestFactory',
  'InstanceLoader',
  'RoutesResolver',
  'RouterExplorer',
  'NestApplication',
  'WebSocketsController',
]);

const LEVELS = {
  log: 'info',
  verbose: 'trace',
  debug: 'debug',
  warn: 'warn',
  error: 'error',
  fatal: 'fatal',
} as const satisfies Record<NestLevel, string>;

/** Writes one JSON line per message: `{level, time, service, context, msg, ...}`. Everything that Nest's `Logger` says comes here. */
export class JsonLogger implements LoggerService {
  private readonly pino: Logger;

  /** @param destination default: standard output */
  constructor(service: string, level: LogLevel, destination?: DestinationStream) {
    const options = {
      level,
      base: { service, pid: process.pid },
      formatters: { level: (label: string) => ({ level: label }) },
      timestamp: pino.stdTimeFunctions.isoTime,
      // A failed statement's error carries all that was sent and the row that was refused: keys, secrets, people's text.
      redact: { paths: ['err.parameters', 'err.detail', 'err.driverError'], remove: true },
    };
    this.pino = pino(options, destination ?? standardOutput());
  }

  log(message: unknown, ...rest: unknown[]): void {
    this.write('log', message, rest);
  }

  error(message: unknown, ...rest: unknown[]): void {
    this.write('error', message, rest);
  }

  warn(message: unknown, ...rest: unknown[]): void {
    this.write('warn', message, rest);
  }

  debug(message: unknown, ...rest: unknown[]): void {
    this.write('debug', message, rest);
  }

  verbose(message: unknown, ...rest: unknown[]): void {
    this.write('verbose', message, rest);
  }

  fatal(message: unknown, ...rest: unknown[]): void {
    this.write('fatal', message, rest);
  }

  /** Nest passes the context last, and a stack before it when there is one. */
  private write(level: NestLevel, message: unknown, rest: unknown[]): void {
    const context = typeof rest.at(-1) === 'string' ? (rest.at(-1) as string) : undefined;
    const stack = level === 'error' && rest.length > 1 && typeof rest[0] === 'string' ? rest[0] : undefined;
    const name = level === 'log' && FRAMEWORK_CONTEXTS.has(context ?? '') ? 'debug' : LEVELS[level];
    this.pino[name]({ context, stack, ...fieldsOf(message) });
  }
}

/**
 * Written at once, so there is nothing to flush; and flushing a pipe that nobody reads any more would try for ever, in the
 * very moment in which a service whose launcher was killed wants to end.
 */
function standardOutput(): DestinationStream {
  const stdout = pino.destination({ dest: 1, sync: true });
  stdout.flushSync = () => undefined;
  return stdout;
}

function fieldsOf(message: unknown): Record<string, unknown> {
  if (message instanceof Error) return { err: message, msg: message.message };
  if (typeof message === 'object' && message !== null) return message as Record<string, unknown>;
  return { msg: String(message) };
}
