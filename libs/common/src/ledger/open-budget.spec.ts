import fc from 'fast-check';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { type BudgetScope, matches, type ScopedExecution } from '../domain/budget-scope.js';

const AGENTS = ['00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000002'];
const MODELS = [
  'gpt-4o',
  'GPT-4o-mini',
  'claude_%',
  'claude-3',
  'a*b',
  'openai/gpt-4o',
  'x/openai/GPT-4o',
  'gpt/',
  'gpt/claude_%',
];

/** Few values, so that scopes and executions often meet. */
const tags = fc.dictionary(fc.constantFrom('team', 'env'), fc.constantFrom('a', 'b', ''), { maxKeys: 2 });
const scope: fc.Arbitrary<BudgetScope> = fc.record({
  agentId: fc.constantFrom(null, ...AGENTS),
  model: fc.constantFrom(null, '*', 'gpt*', 'GPT-4O*', 'claude_*', 'gpt-4o', 'claude_%', 'openai/*', 'gpt/'),
  provider: fc.constantFrom(null, 'openai', 'OpenAI', 'anthropic'),
  trigger: fc.constantFrom(null, 'manual', 'cron'),
  tags: fc.option(tags, { nil: null }),
});
const execution: fc.Arbitrary<ScopedExecution> = fc.record({
  agentId: fc.constantFrom(...AGENTS),
  model: fc.constantFrom(...MODELS),
  provider: fc.constantFrom('openai', 'Anthropic'),
  trigger: fc.constantFrom('manual', 'cron'),
  tags: fc.option(tags, { nil: null }),
});

describe('the scope of a budget', () => {
  let test: TestDatabase;
  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  it('covers the same runs in Postgres as in the matcher of admissions', async () => {
    let covered = 0;
    const pairs = fc.array(fc.tuple(scope, execution), { minLength: 200, maxLength: 200 });
    await fc.assert(
      fc.asyncProperty(pairs, async (asked) => {
        const rows: { covers: boolean }[] = await test.dataSource.query(
          `select covers(json_populate_record(null::budgets, p -> 0), json_populate_record(null::executions, p -> 1))
             from json_array_elements($1::json) with ordinality as a(p, n) order by n`,
          [JSON.stringify(asked.map(([budget, run]) => [columns(budget), columns(run)]))],
        );
        asked.forEach(([budget, run], index) => {
          const expected = matches(budget, run);
          covered += expected ? 1 : 0;
          expect([budget, run, rows[index]?.covers]).toEqual([budget, run, expected]);
        });
      }),
      { numRuns: 20, endOnFailure: true },
    );
    expect(covered).toBeGreaterThan(50);
  });
});

function columns({ agentId, ...rest }: BudgetScope | ScopedExecution): Record<string, unknown> {
  return { agent_id: agentId, ...rest };
}
