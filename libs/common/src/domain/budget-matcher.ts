import { BudgetScope, matches, modelNames, modelPrefix, ScopedBudget, ScopedExecution } from './budget-scope.js';

/**
 * Finds the budgets that cover an execution, without looking at every budget.
 *
 * Budgets are grouped by workspace (those of the organization form a group of their own). Within a group each budget
 * stands in exactly one bucket, under one condition that must hold for it to match: the one that the fewest budgets of
 * its group share. A lookup opens only the buckets whose condition the execution meets and checks each budget in them
 * in full, so a poor choice of bucket costs time, never a wrong answer. An index never changes; build a new one when
 * budgets change.
 */
export class BudgetMatcher {
  private readonly groups = new Map<string | null, ScopeIndex>();
  private readonly budgets: readonly ScopedBudget[];

  /** @param budgets with unique ids; their scopes must not be changed afterwards. */
  constructor(budgets: readonly ScopedBudget[]) {
    this.budgets = budgets.toSorted((a, b) => (a.id < b.id ? -1 : 1));
    const ranksOf = new Map<string | null, number[]>();
    this.budgets.forEach(({ workspaceId }, rank) => append(ranksOf, workspaceId, rank));
    for (const [workspaceId, ranks] of ranksOf) this.groups.set(workspaceId, new ScopeIndex(this.budgets, ranks));
  }

  /** The ids of all budgets that cover the execution, in ascending order of their characters. */
  find(execution: ScopedExecution & { workspaceId: string }): string[] {
    const ranks: number[] = [];
    this.groups.get(null)?.collect(execution, ranks);
    this.groups.get(execution.workspaceId)?.collect(execution, ranks);
    return ranks.sort((a, b) => a - b).map((rank) => at(this.budgets, rank).id);
  }
}

class ScopeIndex {
  private readonly buckets = new Map<string, number[]>();
  private readonly prefixLengths: readonly number[];

  constructor(
    private readonly budgets: readonly ScopedBudget[],
    ranks: readonly number[],
  ) {
    const sharers = new Map<string, number>();
    for (const rank of ranks) for (const key of this.keysOf(rank)) sharers.set(key, (sharers.get(key) ?? 0) + 1);
    const prefixLengths = new Set<number>();
    for (const rank of ranks) {
      const key = rarest(this.keysOf(rank), sharers);
      append(this.buckets, key, rank);
      if (key.startsWith(PREFIX)) prefixLengths.add(key.length - PREFIX.length);
    }
    this.prefixLengths = [...prefixLengths];
  }

  collect(execution: ScopedExecution, ranks: number[]): void {
    for (const key of keysMetBy(execution, this.prefixLengths)) {
      for (const rank of this.buckets.get(key) ?? []) {
        if (matches(at(this.budgets, rank).scope, execution)) ranks.push(rank);
      }
    }
  }

  private keysOf(rank: number): string[] {
    return keysOf(at(this.budgets, rank).scope);
  }
}

// A key is one letter for the dimension and the value, so that values of two dimensions never meet.
const ALWAYS = '';
const AGENT = 'a';
const MODEL = 'm';
const PREFIX = 'x';
const PROVIDER = 'p';
const TRIGGER = 't';
const TAG = 'g';

/** Every single condition of the scope. When there is none, the key that each execution meets. */
function keysOf({ agentId, model, provider, trigger, tags }: BudgetScope): string[] {
  const keys: string[] = [];
  if (isSet(agentId)) keys.push(AGENT + agentId);
  if (isSet(model)) keys.push(modelKey(model));
  if (isSet(provider)) keys.push(PROVIDER + provider.toLowerCase());
  if (isSet(trigger)) keys.push(TRIGGER + trigger);
  if (isSet(tags)) for (const [name, value] of Object.entries(tags)) keys.push(tagKey(name, value));
  return keys.length === 0 ? [ALWAYS] : keys;
}

/** Every condition that the execution meets, each once. */
function keysMetBy(execution: ScopedExecution, prefixLengths: readonly number[]): string[] {
  const { agentId, model, provider, trigger, tags } = execution;
  const keys = [ALWAYS];
  if (isSet(agentId)) keys.push(AGENT + agentId);
  if (isSet(model)) keys.push(...modelKeys(modelNames(model), prefixLengths));
  if (isSet(provider)) keys.push(PROVIDER + provider.toLowerCase());
  if (isSet(trigger)) keys.push(TRIGGER + trigger);
  if (isSet(tags)) for (const name of Object.keys(tags)) keys.push(tagKey(name, tags[name] ?? ''));
  return keys;
}

function modelKeys(names: readonly string[], prefixLengths: readonly number[]): Iterable<string> {
  const [only] = names;
  if (only !== undefined && names.length === 1) return keysOfName(only, prefixLengths);
  // Two names may begin alike, and a bucket that is opened twice would find its budgets twice.
  return new Set(names.flatMap((name) => keysOfName(name, prefixLengths)));
}

function keysOfName(name: string, prefixLengths: readonly number[]): string[] {
  const keys = [MODEL + name];
  for (const length of prefixLengths) if (length <= name.length) keys.push(PREFIX + name.slice(0, length));
  return keys;
}

function modelKey(pattern: string): string {
  const prefix = modelPrefix(pattern);
  return prefix === null ? MODEL + pattern.toLowerCase() : PREFIX + prefix;
}

/** The length of the name keeps ("a", "b=c") apart from ("a=b", "c"). */
function tagKey(name: string, value: string): string {
  return `${TAG}${name.length}:${name}=${value}`;
}

function rarest(keys: readonly string[], sharers: ReadonlyMap<string, number>): string {
  return keys.reduce((best, key) => ((sharers.get(key) ?? 0) < (sharers.get(best) ?? 0) ? key : best));
}

function append<K>(lists: Map<K, number[]>, key: K, value: number): void {
  const list = lists.get(key);
  if (list === undefined) lists.set(key, [value]);
  else list.push(value);
}

function at(budgets: readonly ScopedBudget[], rank: number): ScopedBudget {
  const budget = budgets[rank];
  if (budget === undefined) throw new RangeError(`No budget of rank ${rank}`);
  return budget;
}

function isSet<T>(value: T | null | undefined): value is T {
  return value !== undefined && value !== null;
}
