import { box, runningAt, type Running } from './box.js';
import { asWarning } from './service-output.js';

const running: Running = {
  ...runningAt('127.0.0.1', 3000),
  ownerKey: 'hou_secret',
  ownerKeyFile: '/data/owner.key',
  dataDir: '/data',
  pid: 1,
};

describe('the box', () => {
  it('shows every address, the key and how to stop, in lines of one width and without colour', () => {
    const text = box(running, ['Port 3000 is taken.'], false);
    for (const part of [
      running.api,
      running.docs,
      running.queues,
      running.metrics,
      'hou_secret',
      '/data',
      'Ctrl-C',
      'is taken',
    ])
      expect(text).toContain(part);
    expect(new Set(text.split('\n').map((line) => line.length)).size).toBe(1);
    expect(text).not.toContain('\u001b');
  });

  it('only points to the file of a key that was made earlier', () => {
    const text = box({ ...running, ownerKey: undefined }, [], false);
    expect(text).toContain('in /data/owner.key');
    expect(text).not.toContain('hou_');
  });

  it.each([
    ['0.0.0.0', 'http://localhost:80/api'],
    ['::', 'http://localhost:80/api'],
    ['::1', 'http://[::1]:80/api'],
    ['10.0.0.1', 'http://10.0.0.1:80/api'],
  ])('makes an address one can open of the host %s', (host, api) => {
    expect(runningAt(host, 80).api).toBe(api);
  });
});

describe('a line of a service', () => {
  it.each([
    ['{"level":40,"msg":"low fuel"}', 'warn: low fuel'],
    ['{"level":50,"msg":"no fuel","err":{"message":"tank leaks"}}', 'error: no fuel: tank leaks'],
    ['{"level":60,"msg":"gone"}', 'fatal: gone'],
  ])('is shown when it is a warning or worse: %s', (line, shown) => {
    expect(asWarning(line)).toBe(shown);
  });

  it.each(['{"level":30,"msg":"calm"}', 'plain text', '{"level":50,"ms', '{}', '{"level":"error"}'])(
    'is not shown otherwise: %s',
    (line) => {
      expect(asWarning(line)).toBeUndefined();
    },
  );
});
