import type { Tx } from '../db/database.js';
import { formatUsd } from '../domain/money.js';
import type {
  StandupBudget,
  StandupDecision,
  StandupReport,
  StandupReview,
  StandupSections,
  StandupSpend,
  StandupTask,
} from './standup-sections.js';
import {
  LISTED,
  type ReportedApproval,
  type ReportedBudget,
  reportedBudgets,
  reportedCosts,
  reportedDecisions,
  reportedNow,
  type ReportedTask,
  reportedTasks,
  reportedWaiting,
} from './standup-report.store.js';

const SPAN_MS = 24 * 60 * 60 * 1_000;

export interface ReportedWorkspace {
  id: string;
  name: string;
  /** IANA zone in which times are shown. */
  timezone: string;
}

/**
 * What a workspace did within 24 hours, and how its board stands now.
 *
 * @param at the end of the span; default: now
 */
export async function standupReport(tx: Tx, workspace: ReportedWorkspace, at?: Date): Promise<StandupReport> {
  const to = at ?? (await reportedNow(tx));
  const from = new Date(to.getTime() - SPAN_MS);
  const tasks = (which: Parameters<typeof reportedTasks>[2]) => reportedTasks(tx, workspace.id, which, from, to);
  const [completed, inProgress, blocked] = [
    await tasks('completed'),
    await tasks('inProgress'),
    await tasks('blocked'),
  ];
  const [review, failed] = [await tasks('review'), await tasks('failed')];
  const waiting = await reportedWaiting(tx, workspace.id);
  const decisions = await reportedDecisions(tx, workspace.id, from, to);
  const sections: StandupSections = {
    completed: completed.map(taskOf),
    inProgress: inProgress.map(taskOf),
    blocked: blocked.map(taskOf),
    needsReview: [
      ...review.map((task) => reviewOf(task, 'review')),
      ...waiting.map(waitingOf),
      ...failed.map((task) => reviewOf(task, 'failed')),
    ].slice(0, LISTED),
    decisions: decisions.map(decisionOf),
    spend: await spendOf(tx, workspace.id, from, to),
  };
  const totals = {
    ...{ completed: totalOf(completed), inProgress: totalOf(inProgress), blocked: totalOf(blocked) },
    needsReview: totalOf(review) + totalOf(waiting) + totalOf(failed),
    decisions: totalOf(decisions),
  };
  return { workspace: workspace.name, from, to, timezone: workspace.timezone, sections, totals };
}

async function spendOf(tx: Tx, workspaceId: string, from: Date, to: Date): Promise<StandupSpend> {
  const costs = await reportedCosts(tx, workspaceId, from, to);
  const total = costs.reduce((sum, row) => sum + BigInt(row.cost_nano), 0n);
  return {
    costUsd: formatUsd(total),
    executions: costs.reduce((sum, row) => sum + row.executions, 0),
    byAgent: costs.slice(0, LISTED).map(({ agent, cost_nano }) => ({ agent, costUsd: formatUsd(BigInt(cost_nano)) })),
    budgets: (await reportedBudgets(tx, workspaceId)).map(budgetOf),
  };
}

function totalOf(rows: readonly { total: number }[]): number {
  return rows[0]?.total ?? 0;
}

function taskOf({ id, title, agent, since, reason }: ReportedTask): StandupTask {
  const task = { taskId: id, title, agent, since: since.toISOString() };
  return reason === null ? task : { ...task, reason };
}

function reviewOf(task: ReportedTask, status: 'review' | 'failed'): StandupReview {
  return { ...taskOf(task), status };
}

function waitingOf({ id, task_id: taskId, title, agent, at }: ReportedApproval): StandupReview {
  return { taskId, approvalId: id, title, status: 'pending', agent, since: at.toISOString() };
}

function decisionOf({ id, task_id: taskId, title, status, comment, by, at }: ReportedApproval): StandupDecision {
  return { approvalId: id, taskId, title, status, comment, by, at: at.toISOString() };
}

function budgetOf({ id, name, period, limit_nano, spent_nano, held_nano }: ReportedBudget): StandupBudget {
  const [limit, spent, held] = [BigInt(limit_nano), BigInt(spent_nano), BigInt(held_nano)];
  const figures = { limitUsd: formatUsd(limit), spentUsd: formatUsd(spent), heldUsd: formatUsd(held) };
  return { id, name, period, ...figures, remainingUsd: formatUsd(limit - spent - held) };
}
