export const ADMISSION_EXAMPLES = {
  tokens: {
    summary: 'By tokens',
    value: { agent: 'researcher', model: 'gpt-4o-mini', estimate: { inputTokens: 1200, maxOutputTokens: 800 } },
  },
  costUsd: {
    summary: 'By what it may cost',
    value: {
      agent: 'researcher',
      model: 'my-own-model',
      estimate: { costUsd: '0.0123' },
      holdSeconds: 900,
      tags: { team: 'growth' },
    },
  },
  dryRun: {
    summary: 'Would it be admitted?',
    value: { agent: 'researcher', model: 'gpt-4o-mini', estimate: { costUsd: '0.0123' }, dryRun: true },
  },
};

export const RECORD_EXAMPLES = {
  one: {
    value: {
      items: [
        {
          agent: 'researcher',
          model: 'gpt-4o-mini',
          externalId: 'run-2026-11-21-0001',
          status: 'succeeded',
          startedAt: '2026-11-21T09:30:00Z',
          endedAt: '2026-11-21T09:30:05Z',
          usage: { inputTokens: 1200, outputTokens: 350 },
        },
      ],
    },
  },
};

export const COMPLETION_EXAMPLES = {
  usage: {
    summary: 'By tokens',
    value: { status: 'succeeded', usage: { inputTokens: 1200, outputTokens: 350, cacheReadTokens: 800 } },
  },
  costUsd: { summary: 'By what it cost', value: { status: 'succeeded', costUsd: '0.0123' } },
  failed: {
    summary: 'Failed, and cost something',
    value: { status: 'failed', error: 'The archive did not answer', usage: { inputTokens: 1200, outputTokens: 0 } },
  },
};
