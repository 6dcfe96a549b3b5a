import { CreateBudgetDto } from '../budgets/budget.dto.js';
import { CreateExecutionDto } from '../executions/execution.dto.js';
import { CreateWebhookDto } from '../webhooks/webhook.dto.js';
import { Problem } from './problem.js';
import { ValidationPipe } from './validation.js';

function faultsOf(metatype: new () => object, body: unknown): Record<string, string> {
  try {
    new ValidationPipe().transform(body, { type: 'body', metatype });
  } catch (error) {
    if (!(error instanceof Problem)) throw error;
    return Object.fromEntries((error.errors ?? []).map(({ path, message }) => [path, message]));
  }
  return {};
}

describe('the validation of bodies', () => {
  it('says what a missing field should be, not which of its limits it breaks', () => {
    expect(faultsOf(CreateBudgetDto, {})).toMatchObject({
      name: 'name must be a string',
      limitUsd: expect.stringContaining('USD') as string,
    });
    expect(faultsOf(CreateExecutionDto, { agent: '', model: 1 })).toEqual({
      agent: 'agent must not be blank',
      model: 'model must be a string',
      estimate: 'estimate must be an object',
    });
    expect(faultsOf(CreateWebhookDto, {})).toEqual({ url: 'url must be a string', events: 'events must be an array' });
  });

  it('says of a number in quotes that it is no number', () => {
    const estimate = { inputTokens: '10', maxOutputTokens: 1 };
    expect(faultsOf(CreateExecutionDto, { agent: 'a', model: 'm', estimate })).toEqual({
      'estimate.inputTokens': 'inputTokens must be an integer number',
    });
  });

  it('names each field that it does not know, and nothing else of it', () => {
    const estimate = { costUsd: '1', nested: {} };
    expect(faultsOf(CreateExecutionDto, { agent: 'a', model: 'm', estimate, other: 1 })).toEqual({
      'estimate.nested': 'There is no such field.',
      other: 'There is no such field.',
    });
  });
});
