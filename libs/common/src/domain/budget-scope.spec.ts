import { matches, modelPatternProblem } from './budget-scope.js';

const execution = {
  agentId: 'a1',
  model: 'GPT-4o-mini',
  provider: 'openai',
  trigger: 'cron',
  tags: { team: 'red', env: 'prod' },
};

describe('budget scope', () => {
  it('covers everything when nothing is set', () => {
    expect(matches({}, execution)).toBe(true);
    expect(matches({ agentId: null, model: null, provider: null, trigger: null, tags: null }, execution)).toBe(true);
    expect(matches({ tags: {} }, {})).toBe(true);
  });

  it('needs every set field to match', () => {
    const scope = { agentId: 'a1', model: 'gpt-4o*', provider: 'OpenAI', trigger: 'cron', tags: { team: 'red' } };
    expect(matches(scope, execution)).toBe(true);
    expect(matches({ ...scope, agentId: 'a2' }, execution)).toBe(false);
    expect(matches({ ...scope, model: 'gpt-5*' }, execution)).toBe(false);
    expect(matches({ ...scope, provider: 'azure' }, execution)).toBe(false);
    expect(matches({ ...scope, trigger: 'manual' }, execution)).toBe(false);
    expect(matches({ ...scope, tags: { team: 'blue' } }, execution)).toBe(false);
    expect(matches({ ...scope, tags: { team: 'red', cost: 'x' } }, execution)).toBe(false);
  });

  it('takes a model id whole, and a trailing star as any ending, the empty one included', () => {
    expect(matches({ model: 'gpt-4o' }, execution)).toBe(false);
    expect(matches({ model: 'gpt-4O-MINI' }, execution)).toBe(true);
    expect(matches({ model: 'gpt-4o-mini*' }, execution)).toBe(true);
    expect(matches({ model: '*' }, execution)).toBe(true);
    expect(matches({ model: '*mini' }, execution)).toBe(false);
  });

  it('covers a model under its whole name and under what follows the provider', () => {
    const covers = (model: string, name: string) => matches({ model }, { model: name });
    for (const name of ['openai/gpt-4o', 'openrouter/openai/GPT-4o', 'gpt-4o']) {
      expect(covers('gpt-4o', name)).toBe(true);
      expect(covers('gpt-4*', name)).toBe(true);
    }
    expect(covers('openai/*', 'openai/gpt-4o')).toBe(true);
    expect(covers('openai/gpt-4o', 'gpt-4o')).toBe(false);
    expect(covers('gpt-4o', 'gpt-4o/other')).toBe(false);
  });

  it('does not cover an execution that leaves a wanted fact unknown', () => {
    expect(matches({ model: '*' }, {})).toBe(false);
    expect(matches({ agentId: 'a1' }, { agentId: null })).toBe(false);
    expect(matches({ provider: 'openai' }, {})).toBe(false);
    expect(matches({ tags: { team: 'red' } }, {})).toBe(false);
  });

  it('never takes a tag from a prototype', () => {
    expect(matches({ tags: { constructor: 'x' } }, { tags: {} })).toBe(false);
    expect(matches({ tags: { team: 'red' } }, { tags: Object.create({ team: 'red' }) })).toBe(false);
  });

  it('refuses a star anywhere but at the end', () => {
    expect(modelPatternProblem('gpt-4o')).toBeNull();
    expect(modelPatternProblem('gpt-4o*')).toBeNull();
    expect(modelPatternProblem('*')).toBeNull();
    for (const bad of ['*mini', 'gpt-*-mini', 'gpt**', ''])
      expect(modelPatternProblem(bad)).toEqual(expect.any(String));
  });
});
