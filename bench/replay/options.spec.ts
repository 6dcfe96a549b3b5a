import { parseOptions, usageText } from './options.js';

const REPLAY = { takesFile: true, speed: 'max' };
const DEMO = { takesFile: false, speed: '60', budget: '1/day' };

describe('command line', () => {
  it('needs nothing but a file', () => {
    expect(parseOptions(['trace.csv'], REPLAY)).toEqual({
      kind: 'run',
      options: {
        file: 'trace.csv',
        model: 'gpt-4o-mini',
        agents: 8,
        speed: null,
        budget: null,
        url: null,
        key: null,
        concurrency: 32,
        maxOutputTokens: 1024,
        whatIf: false,
        json: false,
      },
    });
  });

  it('takes every option', () => {
    const line =
      'trace.csv --model gpt-4o --agents 3 --speed 2.5 --budget 5/day --url http://localhost:3001/ --key hou_x --concurrency 4 --max-output 99 --what-if --json';
    expect(parseOptions(line.split(' '), REPLAY)).toEqual({
      kind: 'run',
      options: {
        file: 'trace.csv',
        model: 'gpt-4o',
        agents: 3,
        speed: 2.5,
        budget: { limitNano: 5_000_000_000n, period: 'day' },
        url: 'http://localhost:3001',
        key: 'hou_x',
        concurrency: 4,
        maxOutputTokens: 99,
        whatIf: true,
        json: true,
      },
    });
  });

  it('gives the demo its own speed and budget, and no file', () => {
    expect(parseOptions([], DEMO)).toMatchObject({
      kind: 'run',
      options: { file: null, speed: 60, budget: { limitNano: 1_000_000_000n, period: 'day' } },
    });
    expect(parseOptions(['trace.csv'], DEMO)).toEqual({
      kind: 'fault',
      problem: expect.stringContaining('takes no file'),
    });
  });

  it.each([
    [[], 'Name one CSV file.'],
    [['a.csv', 'b.csv'], 'Name one CSV file.'],
    [['a.csv', '--agents', '0'], '--agents takes a whole number from 1 to 100000, not "0".'],
    [['a.csv', '--concurrency', '1e3'], '--concurrency takes'],
    [['a.csv', '--speed', '0'], '--speed takes'],
    [['a.csv', '--speed', 'fast'], '--speed takes'],
    [['a.csv', '--budget', '5/hour'], '"5/hour" is not a budget'],
    [['a.csv', '--what-if'], '--what-if needs a budget'],
    [['a.csv', '--url', 'localhost:3000'], '--url takes'],
    [['a.csv', '--colour'], "Unknown option '--colour'"],
    [['a.csv', '--model'], '--model'],
  ])('answers %p with a sentence', (args, problem) => {
    expect(parseOptions(args, REPLAY)).toEqual({ kind: 'fault', problem: expect.stringContaining(problem) });
  });

  it('explains every option it takes', () => {
    expect(parseOptions(['-h'], REPLAY)).toEqual({ kind: 'help' });
    const text = usageText('replay', REPLAY);
    for (const flag of [
      'model',
      'agents',
      'speed',
      'budget',
      'url',
      'key',
      'concurrency',
      'max-output',
      'what-if',
      'json',
    ])
      expect(text).toContain(`--${flag}`);
  });
});
