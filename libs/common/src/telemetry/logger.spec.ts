import { Logger } from '@nestjs/common';
import type { LogLevel } from '../config/config.js';
import { QueryFailedError } from 'typeorm';
import { JsonLogger } from './logger.js';

type Line = Record<string, unknown> & { err?: Record<string, unknown> };

function loggerAt(level: LogLevel): { logger: JsonLogger; lines: Line[] } {
  const lines: Line[] = [];
  const write = (text: string) => void lines.push(JSON.parse(text) as Line);
  return { logger: new JsonLogger('budget', level, { write }), lines };
}

describe('the log', () => {
  it('is one JSON line per message, with service and context', () => {
    const { logger, lines } = loggerAt('info');
    logger.log('ready', 'boot');
    expect(lines).toEqual([
      {
        level: 'info',
        time: expect.stringMatching(/Z$/),
        service: 'budget',
        pid: process.pid,
        context: 'boot',
        msg: 'ready',
      },
    ]);
  });

  it('tells no values of a failed statement, only what failed', () => {
    const { logger, lines } = loggerAt('info');
    const cause = Object.assign(new Error('duplicate'), { code: '23505', detail: 'Key (hash)=(hou_secret) exists' });
    logger.error(new QueryFailedError('insert into api_keys values ($1)', ['hou_secret'], cause));
    expect(lines[0]?.err).toMatchObject({ message: 'duplicate', code: '23505', query: expect.any(String) });
    expect(JSON.stringify(lines)).not.toContain('hou_secret');
  });

  it('takes what the Logger of the framework says, fields and errors with their stack', () => {
    const { logger, lines } = loggerAt('info');
    Logger.overrideLogger(logger);
    new Logger('duties').log({ msg: 'stale-holds', expired: 2 });
    new Logger('duties').error({ msg: 'duty failed', err: new Error('gone') });
    new Logger('duties').error(new TypeError('odd'));
    new Logger('duties').error('in words', 'the stack');
    expect(lines[0]).toMatchObject({ context: 'duties', msg: 'stale-holds', expired: 2 });
    expect(lines[1]?.err).toMatchObject({ message: 'gone', stack: expect.stringContaining('logger.spec') });
    expect(lines[2]).toMatchObject({ level: 'error', msg: 'odd', err: { type: 'TypeError' } });
    expect(lines[3]).toMatchObject({ msg: 'in words', stack: 'the stack' });
  });

  it('says nothing below its level, nor what the framework tells of its own start', () => {
    const { logger, lines } = loggerAt('info');
    logger.debug('detail', 'duties');
    logger.verbose('more detail', 'duties');
    logger.log('Starting Nest application...', 'NestFactory');
    expect(lines).toEqual([]);
    const silent = loggerAt('silent');
    silent.logger.fatal('nobody hears', 'x');
    expect(silent.lines).toEqual([]);
  });
});
