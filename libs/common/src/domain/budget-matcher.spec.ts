import fc from 'fast-check';
import { BudgetMatcher } from './budget-matcher.js';
import { BudgetScope, matches, ScopedBudget, ScopedExecution } from './budget-scope.js';

type Execution = ScopedExecution & { workspaceId: string };

// Few values, so that collisions, shared conditions and near misses are common.
const word = fc.constantFrom('a', 'b', 'A', 'ab', 'a=b', '', '__proto__', 'toString');
const model = fc.constantFrom(
  'gpt-4o',
  'GPT-4o',
  'gpt-4o-mini',
  'g',
  'İx',
  '',
  'openai/gpt-4o',
  'x/openai/GPT-4o',
  'g/',
  'g/g',
);
const pattern = fc.oneof(
  model,
  fc.constantFrom('*', 'g*', 'gpt-4*', 'GPT-4o*', 'gpt-4o-mini*', 'İ*', 'i*', 'openai/*', 'g/*'),
);
const tags = fc.dictionary(word, word, { maxKeys: 3 });
const workspace = fc.constantFrom('w1', 'w2');

const scope: fc.Arbitrary<BudgetScope> = fc.record(
  { agentId: word, model: pattern, provider: word, trigger: word, tags },
  { requiredKeys: [] },
);
const budgetsOf: fc.Arbitrary<ScopedBudget[]> = fc.uniqueArray(
  fc.record({ id: fc.string({ maxLength: 4 }), workspaceId: fc.option(workspace), scope }),
  { selector: (budget) => budget.id, maxLength: 40 },
);
const execution: fc.Arbitrary<Execution> = fc.record(
  { workspaceId: fc.constantFrom('w1', 'w2', 'w3'), agentId: word, model, provider: word, trigger: word, tags },
  { requiredKeys: ['workspaceId'] },
);

function naive(budgets: ScopedBudget[], run: Execution): string[] {
  const covers = (budget: ScopedBudget) =>
    (budget.workspaceId ?? run.workspaceId) === run.workspaceId && matches(budget.scope, run);
  return budgets
    .filter(covers)
    .map((budget) => budget.id)
    .sort((a, b) => (a < b ? -1 : 1));
}

describe('budget matcher', () => {
  it('finds exactly what a check of every budget finds, in ascending order of ids', () => {
    fc.assert(
      fc.property(budgetsOf, execution, (budgets, run) =>
        expect(new BudgetMatcher(budgets).find(run)).toEqual(naive(budgets, run)),
      ),
      { numRuns: 2000 },
    );
  });

  it('finds nothing among no budgets', () => {
    expect(new BudgetMatcher([]).find({ workspaceId: 'w1' })).toEqual([]);
  });

  it('never finds a budget of another workspace', () => {
    const matcher = new BudgetMatcher([
      { id: '1', workspaceId: 'w1', scope: {} },
      { id: '2', workspaceId: null, scope: {} },
    ]);
    expect(matcher.find({ workspaceId: 'w2' })).toEqual(['2']);
  });

  it('opens few budgets of ten thousand', () => {
    let checks = 0;
    const budgets = tenThousandBudgets().map((budget) => ({
      ...budget,
      get scope() {
        checks += 1;
        return budget.scope;
      },
    }));
    const matcher = new BudgetMatcher(budgets);
    checks = 0;
    const found = matcher.find({
      workspaceId: 'w0',
      agentId: 'agent-7',
      model: 'model-3',
      provider: 'p1',
      trigger: 'cron',
      tags: { team: 'team-3' },
    });
    expect(found.length).toBeGreaterThan(2);
    expect(checks).toBeLessThan(found.length + 60);
  });
});

function tenThousandBudgets(): ScopedBudget[] {
  const scopeOf = (n: number): BudgetScope => {
    if (n < 10) return { provider: `p${n}` };
    if (n % 3 === 0) return { agentId: `agent-${n % 4000}`, trigger: 'cron' };
    if (n % 3 === 1) return { tags: { team: `team-${n % 2000}` } };
    return { model: n % 2 === 0 ? `model-${n % 500}` : `model-${n % 500}*`, provider: `p${n % 5}` };
  };
  const budgets = Array.from({ length: 9_998 }, (_, n) => ({
    id: String(n).padStart(6, '0'),
    workspaceId: n % 4 === 0 ? null : `w${n % 2}`,
    scope: scopeOf(n),
  }));
  return [
    ...budgets,
    { id: 'org', workspaceId: null, scope: {} },
    { id: 'ws', workspaceId: 'w0', scope: {} },
    { id: 'a7', workspaceId: null, scope: { agentId: 'agent-7' } },
  ];
}
