import { clockOffsetMs, fateOf, MISCHIEFS, mischiefOf } from './mischief.js';
import { parseOptions } from './options.js';

describe('a simulation', () => {
  it('asks for nothing: ten agents, two hundred tasks, a seed of its own', () => {
    const parsed = parseOptions([]);
    expect(parsed).toMatchObject({ kind: 'run', options: { agents: 10, tasks: 200, chaos: false, url: null } });
  });

  it.each([
    [['--agents', '0'], 'whole numbers'],
    [['--tasks', 'many'], 'whole numbers'],
    [['--transport', 'pigeon'], 'socket'],
    [['--url', 'http://127.0.0.1:1'], '--key'],
    [['--cheese'], 'cheese'],
  ])('does not run with %j', (args, word) => {
    expect(parseOptions(args)).toMatchObject({ kind: 'fault', problem: expect.stringContaining(word) as string });
  });

  it('misbehaves by its seed alone, in every way, and never in the third attempt', () => {
    const all = (seed: string, fence: number) => Array.from({ length: 500 }, (_, n) => mischiefOf(seed, n, fence, 0.5));
    expect(all('a', 1)).toEqual(all('a', 1));
    expect(all('a', 1)).not.toEqual(all('b', 1));
    expect(new Set(all('a', 1))).toEqual(new Set([...MISCHIEFS, 'none']));
    expect(new Set(all('a', 3))).toEqual(new Set(['none']));
    expect(mischiefOf('a', 1, 1, 0)).toBe('none');
  });

  it('has tasks of every fate and clocks that are wrong by minutes, either way', () => {
    const numbers = Array.from({ length: 500 }, (_, n) => n);
    expect(new Set(numbers.map((n) => fateOf('a', n)))).toEqual(new Set(['done', 'flaky', 'hopeless']));
    const offsets = numbers.map((n) => clockOffsetMs('a', n));
    expect(Math.min(...offsets)).toBeLessThan(-120_000);
    expect(Math.max(...offsets)).toBeGreaterThan(120_000);
  });
});
