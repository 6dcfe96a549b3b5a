import type { RuleRow } from './escalation.row.js';
import { actionsAt, watchRule } from './rule.js';

const rule = (fields: Partial<RuleRow>): RuleRow => ({
  ...{ workspace_id: 'w', id: 'r', name: 'Rule', match: {}, trigger: 'errorPattern', threshold: null, pattern: 'x' },
  ...{ condition: null, actions: [{ type: 'notify' }], levels: [], cooldown_seconds: 1, max_depth: 3, enabled: true },
  ...{ version: 1, created_by: 'system', created_at: new Date(0), updated_at: new Date(0) },
  ...fields,
});

describe('a stored rule', () => {
  it('finds its pattern anywhere in an error', () => {
    const { matchesError } = watchRule(rule({ pattern: 'out of (paper|ink)' }));
    expect(matchesError?.('Printer: out of ink, tray 2')).toBe(true);
    expect(matchesError?.('Printer: out of order')).toBe(false);
    expect(watchRule(rule({ trigger: 'timeInStatus', threshold: 5, pattern: null })).matchesError).toBeUndefined();
  });

  it('whose pattern takes too long, or is no pattern any more, does not match and holds nobody up', () => {
    // It would match, if it were let.
    const heavy = `^${'([a-z]*[a-z ]*)*'.repeat(60)}$`;
    const startedAt = performance.now();
    expect(watchRule(rule({ pattern: heavy })).matchesError?.('a b'.repeat(200_000))).toBe(false);
    expect(performance.now() - startedAt).toBeLessThan(10_000);
    expect(watchRule(rule({ pattern: '(' })).matchesError?.('(')).toBe(false);
  });

  it('does at each level what that level says, and repeats the last', () => {
    const plain = rule({});
    expect([1, 2, 9].map((level) => actionsAt(plain, level))).toEqual(Array(3).fill([{ type: 'notify' }]));
    const graded = rule({ levels: [{ actions: [{ type: 'webhook' }] }, { actions: [{ type: 'block' }] }] });
    expect([1, 2, 3, 9].map((level) => actionsAt(graded, level)[0]?.type)).toEqual([
      'webhook',
      'block',
      'block',
      'block',
    ]);
  });
});
