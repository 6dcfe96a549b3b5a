import fc from 'fast-check';
import { celValue } from './condition-fields.js';
import { type ConditionInput, evaluate, problemOf } from './condition.js';

const input: ConditionInput = {
  task: celValue({
    status: 'blocked',
    priority: 'urgent',
    tags: ['billing', 'eu'],
    attempts: 3,
    payload: { amount: 12.5, lines: [1, 2, 3] },
    createdAt: new Date('2026-01-01T00:00:00Z'),
    dueAt: null,
    title: 'Pay',
  }),
  agent: null,
  now: celValue(new Date('2026-01-01T03:00:00Z')),
};

describe('a condition', () => {
  it.each([
    ["task.priority == 'urgent' && task.attempts > 2", 'true'],
    ["'eu' in task.tags && !task.tags.exists(t, t.startsWith('x'))", 'true'],
    ["now - task.createdAt > duration('2h')", 'true'],
    ["now - task.createdAt > duration('4h')", 'false'],
    ['task.payload.amount > 12.0 && size(task.payload.lines) == 3', 'true'],
    ["task.dueAt != null || task.status == 'blocked'", 'true'],
    ["task.title.matches('^P')", 'true'],
    ['agent == null', 'true'],
    ['true', 'true'],
    ["has(task.payload.amount) ? task.priority == 'low' : true", 'false'],
  ])('%s comes to %s', (condition, expected) => {
    expect(problemOf(condition)).toBeNull();
    expect(evaluate(condition, input).kind).toBe(expected);
  });

  it.each([
    ['does not parse', 'task.priority =='],
    ['names an unknown variable', 'nobody.knows'],
    ['names an unknown variable in a macro', '[1].exists(x, y == x)'],
    ['names an unknown function', 'explode(task)'],
    ['names an unknown method', "task.title.lowerAscii() == 'x'"],
    ['names an unknown field', 'task.titel == "x"'],
    ['is text', 'task.title'],
    ['is a number', '1 + 1'],
    ['is a list', 'task.tags.map(t, t)'],
    ['joins text', "'a' && true"],
    ['reaches for the process', 'process.exit(1)'],
    ['reaches for a prototype', 'constructor'],
    ['reaches for a prototype of the task', 'task.constructor'],
    ['makes a message', 'google.protobuf.Empty{} == google.protobuf.Empty{}'],
    ['is empty', ''],
    ['is too long', `true${' || true'.repeat(300)}`],
    ['is nested too deeply', '('.repeat(990) + 'true' + ')'.repeat(990)],
  ])('is refused when saved if it %s', (_, condition) => {
    expect(problemOf(condition)).toEqual(expect.any(String));
    expect(evaluate(condition, input).kind).toBe('failed');
  });

  it('that cannot be evaluated for a task does not hold', () => {
    expect(evaluate('task.payload.nothing.here == 1', input).kind).toBe('failed');
    expect(evaluate("agent.name == 'x'", input).kind).toBe('failed');
    expect(evaluate('task.payload.amount', input).kind).toBe('failed');
  });

  it('that would take for ever is ended', () => {
    const digits = '[0,1,2,3,4,5,6,7,8,9]';
    const slow = ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'i'].reduce(
      (inner, name) => `${digits}.all(${name}, ${inner})`,
      'true',
    );
    const startedAt = performance.now();
    expect(problemOf(slow)).toBeNull();
    expect(evaluate(slow, input)).toMatchObject({ kind: 'failed', problem: expect.stringContaining('longer than') });
    expect(performance.now() - startedAt).toBeLessThan(5_000);
    // Whoever comes next is not hindered by it.
    expect(evaluate('true', input).kind).toBe('true');
  });

  it('that grows without bound is ended', () => {
    const bomb = `['aaaaaaaa']${'.map(b, b + b)'.repeat(120)} == []`;
    expect(evaluate(bomb, input).kind).toBe('failed');
  });

  it('of any text never throws, and only what was found sound ever holds', () => {
    const words = fc.constantFrom(
      'task',
      '.title',
      '.tags',
      '==',
      '&&',
      '!',
      '(',
      ')',
      '[',
      ']',
      "'a'",
      '1',
      'now',
      ' ',
      'in',
      '?',
      ':',
      '{',
      '}',
    );
    fc.assert(
      fc.property(
        fc.oneof(
          fc.string(),
          fc.array(words, { maxLength: 12 }).map((parts) => parts.join(' ')),
        ),
        (text) => {
          const problem = problemOf(text);
          const verdict = evaluate(text, input);
          return problem === null || verdict.kind === 'failed';
        },
      ),
      { numRuns: 300 },
    );
  });
});
