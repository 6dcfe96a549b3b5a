import { LRUCache } from 'lru-cache';
import type { WatchRule } from '../domain/escalation.js';
import type { RuleAction, RuleRow } from './escalation.row.js';
import { type LinearPattern, linearPattern } from '../patterns/linear-pattern.js';

const patterns = new LRUCache<string, LinearPattern>({ max: 1_000 });

/** A rule as the deciding part takes it. */
export function watchRule(row: RuleRow): WatchRule {
  const { trigger, match, threshold, pattern } = row;
  return {
    trigger,
    match,
    threshold: threshold ?? 0,
    ...(pattern === null ? {} : { matchesError: (text: string) => patternOf(pattern).test(text) }),
  };
}

/** What is done at this firing since the rule began to hold; beyond the last level its actions are repeated. */
export function actionsAt(row: RuleRow, level: number): RuleAction[] {
  const own = row.levels[Math.min(level, row.levels.length) - 1];
  return own?.actions ?? row.actions;
}

function patternOf(source: string): LinearPattern {
  const known = patterns.get(source);
  if (known) return known;
  const pattern = linearPattern(source);
  patterns.set(source, pattern);
  return pattern;
}
