import { randomUUID } from 'node:crypto';
import { formatUsd } from '@houston/common/domain/money.js';
import { BudgetBooks, HoustonClient } from './houston-client.js';
import { ReplayOptions } from './options.js';
import { ReplayTally, runReplay } from './run-replay.js';
import { ReplaySummary, summarise } from './summary.js';
import { TraceSource } from './trace-source.js';

export interface ReplaySession {
  url: string;
  key: string;
  options: ReplayOptions;
  trace: TraceSource;
  signal: AbortSignal;
  onProgress: (fraction: number, tally: ReplayTally) => void;
}

// Events are stamped by the database, whose clock may be a little behind ours.
const CLOCK_SLACK_MS = 5_000;

/** Replays a trace through a running Houston and closes the books. @throws ReplayFault */
export async function replayThroughHouston(session: ReplaySession): Promise<ReplaySummary> {
  const { url, key, options } = session;
  const client = new HoustonClient({ url, key, connections: options.concurrency });
  try {
    await client.greet();
    return await replay(client, session);
  } finally {
    await client.close();
  }
}

async function replay(
  client: HoustonClient,
  { options, trace, signal, onProgress }: ReplaySession,
): Promise<ReplaySummary> {
  const startedAt = new Date(Date.now() - CLOCK_SLACK_MS);
  const replayId = randomUUID().slice(0, 8);
  const tags = { replay: replayId };
  const before = await createBudget(client, options, tags);
  const { model, agents, speed, concurrency, maxOutputTokens } = options;
  const plan = { rows: trace.rows, model, agents, speed, concurrency, maxOutputTokens, tags, signal };
  const tally = await runReplay(client, { ...plan, onProgress: (now) => onProgress(trace.fraction(), now) });
  const others = await Promise.all(
    [...tally.budgetIds].filter((id) => id !== before?.id).map((id) => client.budget(id)),
  );
  const own = before === null ? null : { before, after: await client.budget(before.id) };
  const budgetIds = new Set([...tally.budgetIds, ...(own === null ? [] : [own.after.id])]);
  const thresholdAlerts = budgetIds.size === 0 ? 0 : await client.countThresholdAlerts(budgetIds, startedAt);
  return summarise({ tally, retries: client.retries, thresholdAlerts, own, others });
}

async function createBudget(
  client: HoustonClient,
  { budget }: ReplayOptions,
  tags: { replay: string },
): Promise<BudgetBooks | null> {
  if (budget === null) return null;
  return client.createBudget({
    name: `Replay ${tags.replay}`,
    limitUsd: formatUsd(budget.limitNano),
    period: budget.period,
    tags,
  });
}
