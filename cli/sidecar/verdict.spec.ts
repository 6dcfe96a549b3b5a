import type { Exit } from './command.js';
import type { Output } from './output.js';
import { reportOf } from './verdict.js';

const exit = (code: number | null, signal: NodeJS.Signals | null = null): Exit => ({ code, signal });
const json = (value: unknown): Output => ({ kind: 'json', value });
const text: Output = { kind: 'text', text: 'said' };
const nothing: Output = { kind: 'nothing' };

describe('what the end of a command means', () => {
  it.each([
    ['any JSON', json([1, null]), { result: [1, null] }],
    ['null', json(null), { result: null }],
    [
      'words of its own',
      json({ result: 1, evidence: 'url', outcome: 'review', usage: { inputTokens: 1 }, noise: 2 }),
      {
        result: 1,
        evidence: 'url',
        outcome: 'review',
        usage: { inputTokens: 1 },
      },
    ],
    [
      'a result that mentions an error',
      json({ error: 'none found', count: 0 }),
      { result: { error: 'none found', count: 0 } },
    ],
    [
      'the task it was given, as it came',
      json({ id: 't', result: null, evidence: null }),
      { result: { id: 't', result: null, evidence: null } },
    ],
    ['evidence in place of a result', json({ result: null, evidence: 'url' }), { result: null, evidence: 'url' }],
    ['text', text, { result: { exitCode: 0, output: 'said' } }],
    ['nothing', nothing, { result: { exitCode: 0 } }],
  ])('completes with %s on exit code 0', (_, output, expected) => {
    expect(reportOf(exit(0), output, 'none')).toEqual({ kind: 'complete', ...expected });
  });

  it.each([
    [1, 'transient'],
    [75, 'transient'],
    [64, 'permanent'],
    [65, 'permanent'],
    [78, 'permanent'],
  ])('fails on exit code %i as %s', (code, failure) => {
    expect(reportOf(exit(code), text, 'none')).toEqual({
      ...{ kind: 'fail', failure },
      error: `It ended with exit code ${code}.\nsaid`,
    });
  });

  it('fails in the words of the command, which come before its exit code', () => {
    const words = { error: 'quota', kind: 'quota', resetsAt: '2026-11-22T00:00:00Z', provider: 'openai', errorType: 5 };
    const expected = { kind: 'fail', failure: 'quota', error: 'quota', resetsAt: words.resetsAt, provider: 'openai' };
    expect(reportOf(exit(1), json(words), 'none')).toEqual(expected);
    expect(reportOf(exit(0), json(words), 'none')).toEqual(expected);
    expect(reportOf(exit(65), json({ error: 'bad' }), 'none')).toMatchObject({ failure: 'permanent', error: 'bad' });
    expect(reportOf(exit(1), json({ result: 'not done' }), 'none')).toMatchObject({
      kind: 'fail',
      failure: 'transient',
    });
  });

  it('does not count an attempt that the end of the sidecar cut short, unless it had something to say', () => {
    expect(reportOf(exit(null, 'SIGTERM'), text, 'shutdown')).toMatchObject({ kind: 'release' });
    expect(reportOf(exit(0), json(1), 'shutdown')).toMatchObject({ kind: 'complete', result: 1 });
    expect(reportOf(exit(1), json({ error: 'bad' }), 'shutdown')).toMatchObject({ kind: 'fail', error: 'bad' });
  });

  it('names the signal that ended it, and keeps errors within what the hub takes', () => {
    expect(reportOf(exit(null, 'SIGSEGV'), nothing, 'none')).toMatchObject({ error: 'It was ended by SIGSEGV.' });
    const long: Output = { kind: 'text', text: 'x'.repeat(100_000) };
    const report = reportOf(exit(1), long, 'none');
    expect(report.kind === 'fail' && report.error.length).toBeLessThanOrEqual(8_000);
  });
});
