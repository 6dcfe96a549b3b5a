import type { Candidate } from '../domain/ranking.js';
import type { TaskRow } from './task.row.js';
import type { CandidateRow } from './waiting.store.js';

const NANO_PER_USD = 1e9;

/** An agent as ranking takes it, for one task. */
export function candidateOf(task: TaskRow, row: CandidateRow): Candidate {
  const levels = new Map(row.capabilities.map(({ name, level = 5 }) => [name, level]));
  const surplus = task.required_capabilities.reduce(
    (sum, { name, minLevel }) => sum + Math.max(0, (levels.get(name) ?? minLevel) - minLevel),
    0,
  );
  return {
    id: row.id,
    name: row.name,
    level: row.level,
    load: row.load,
    maxConcurrent: row.max_concurrent,
    attempts: row.attempts,
    successes: row.successes,
    medianSeconds: row.median_seconds,
    costUsd: row.cost_per_task_nano === null ? null : Number(row.cost_per_task_nano) / NANO_PER_USD,
    surplus,
  };
}
