/** What a budget covers. Every field that is set must match; an empty scope covers everything. */
export interface BudgetScope {
  agentId?: string | null;
  /**
   * A model id, or its beginning followed by one trailing `*`. Upper and lower case are the same. A model that is named
   * "provider/model" is covered under its whole name and under what follows the last slash, as it is priced.
   */
  model?: string | null;
  /** Upper and lower case are the same. */
  provider?: string | null;
  trigger?: string | null;
  /** All of these must be among the execution's tags, with equal values. */
  tags?: Record<string, string> | null;
}

/** The facts of an execution that budgets look at. What is unknown matches no budget that asks for it. */
export interface ScopedExecution {
  agentId?: string | null;
  model?: string | null;
  provider?: string | null;
  trigger?: string | null;
  tags?: Record<string, string> | null;
}

export interface ScopedBudget {
  id: string;
  /** Null: the budget covers every workspace of the organization. */
  workspaceId: string | null;
  scope: BudgetScope;
}

/** Whether the scope covers the execution. The workspace is not looked at here. */
export function matches(scope: BudgetScope, execution: ScopedExecution): boolean {
  return (
    matchesExactly(scope.agentId, execution.agentId) &&
    matchesExactly(scope.trigger, execution.trigger) &&
    matchesExactly(scope.provider?.toLowerCase(), execution.provider?.toLowerCase()) &&
    matchesModel(scope.model, execution.model) &&
    matchesTags(scope.tags, execution.tags)
  );
}

/** Says what is wrong with a model pattern, or null when it can be used. */
export function modelPatternProblem(pattern: string): string | null {
  if (pattern === '') return 'Name a model, or leave the field out to cover every model.';
  const star = pattern.indexOf('*');
  if (star === -1 || star === pattern.length - 1) return null;
  return 'Use at most one "*", as the last character: "gpt-4o*".';
}

/** The beginning that a pattern with a trailing `*` asks for, in lower case; null for an exact model id. */
export function modelPrefix(pattern: string): string | null {
  return pattern.endsWith('*') ? pattern.slice(0, -1).toLowerCase() : null;
}

/** The names under which a model can be meant, in lower case: all of it, and what follows the last slash. */
export function modelNames(model: string): readonly string[] {
  const whole = model.toLowerCase();
  const slash = whole.lastIndexOf('/');
  return slash === -1 ? [whole] : [whole, whole.slice(slash + 1)];
}

function matchesExactly(wanted: string | null | undefined, actual: string | null | undefined): boolean {
  return isUnset(wanted) || wanted === actual;
}

function matchesModel(pattern: string | null | undefined, model: string | null | undefined): boolean {
  if (isUnset(pattern)) return true;
  if (isUnset(model)) return false;
  const prefix = modelPrefix(pattern);
  const wanted = pattern.toLowerCase();
  return modelNames(model).some((name) => (prefix === null ? name === wanted : name.startsWith(prefix)));
}

function matchesTags(
  wanted: Record<string, string> | null | undefined,
  actual: Record<string, string> | null | undefined,
): boolean {
  if (isUnset(wanted)) return true;
  return Object.entries(wanted).every(
    ([name, value]) => !isUnset(actual) && Object.hasOwn(actual, name) && actual[name] === value,
  );
}

function isUnset<T>(value: T | null | undefined): value is null | undefined {
  return value === undefined || value === null;
}
