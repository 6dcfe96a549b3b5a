import { ReplayFault } from './replay-fault.js';
import { TraceRow } from './read-trace.js';
import { tryBudget } from './try-budget.js';

async function* rows(...models: (string | null)[]): AsyncGenerator<TraceRow> {
  for (const model of models)
    yield { at: new Date('2026-11-20T10:00:00Z'), model, agent: null, inputTokens: 1_000_000, outputTokens: 0 };
}

const options = { budget: { limitNano: 6_000_000_000n, period: 'day' as const }, model: 'gpt-4o', maxOutputTokens: 1 };

describe('trying a budget', () => {
  it("prices each run at its own model's price, or at that of the model given", async () => {
    const { result, unpriced } = await tryBudget(rows('gpt-4o', null, 'gpt-4o'), options);
    expect(result).toMatchObject({ admitted: 2, denied: 1, costNano: 5_000_000_000n, savedNano: 2_500_000_000n });
    expect(unpriced.size).toBe(0);
  });

  it('leaves out what has no price and says so, instead of taking it for free', async () => {
    const { result, unpriced } = await tryBudget(rows('gpt-4o', 'our-own', 'our-own'), options);
    expect(result.runs).toBe(1);
    expect([...unpriced]).toEqual([['our-own', 2]]);
  });

  it('gives up when nothing has a price', async () => {
    await expect(tryBudget(rows('our-own'), options)).rejects.toThrow(ReplayFault);
  });
});
