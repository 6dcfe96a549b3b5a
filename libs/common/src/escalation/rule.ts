import { LRUCache } from 'lru-cache';
import type { WatchRule } from '../domain/escalation.js';
import type { RuleAction, RuleRow } from './escalation.row.js';
import { type LinearPattern, linearPattern } from '../patterns/linear-pattern.js';
import { Overdue, withinMs } from '../patterns/within-ms.js';

const MATCH_MS = 100;
/** Stands for a pattern that was sound when it was saved and is not any more: it must not keep the other rules waiting. */
const NEVER: LinearPattern = { test: () => false };

const patterns = new LRUCache<string, LinearPattern>({ max: 1_000 });

/** A rule as the deciding part takes it. */
export function watchRule(row: RuleRow): WatchRule {
  const { trigger, match, threshold, pattern } = row;
  return {
    trigger,
    match,
    threshold: threshold ?? 0,
    ...(pattern === null ? {} : { matchesError: (text: string) => isFound(patternOf(pattern), text) }),
  };
}

/** What is done at this firing since the rule began to hold; beyond the last level its actions are repeated. */
export function actionsAt(row: RuleRow, level: number): RuleAction[] {
  const own = row.levels[Math.min(level, row.levels.length) - 1];
  return own?.actions ?? row.actions;
}

/** Linear in the text, but some patterns are a thousand times as slow as others: one that takes too long does not match. */
function isFound(pattern: LinearPattern, text: string): boolean {
  try {
    return withinMs(MATCH_MS, () => pattern.test(text));
  } catch (error) {
    if (error instanceof Overdue) return false;
    throw error;
  }
}

function patternOf(source: string): LinearPattern {
  const known = patterns.get(source);
  if (known) return known;
  const pattern = soundPattern(source);
  patterns.set(source, pattern);
  return pattern;
}

function soundPattern(source: string): LinearPattern {
  try {
    return linearPattern(source);
  } catch (error) {
    if (error instanceof SyntaxError) return NEVER;
    throw error;
  }
}
