import type { TaskStatus } from './task-states.js';

export const WHY_REASONS = [
  'no_able_agent',
  'at_capacity',
  'paused',
  'quota',
  'dependency',
  'approval',
  'retry_wait',
  'no_agent_connected',
  'running',
  'terminal',
] as const;

export type WhyReason = (typeof WHY_REASONS)[number];

/** What a task is, as far as waiting goes. */
export interface WaitingTask {
  readonly status: TaskStatus;
  readonly openDependencies: number;
  readonly approvalId: string | null;
  readonly nextRetryAt: Date | null;
  readonly retryReason: string | null;
  readonly blockerReason: string | null;
  readonly requiredCapabilities: readonly { name: string; minLevel: number }[];
}

/** An agent that might do it. */
export interface WaitingAgent {
  readonly capabilities: readonly { name: string; level?: number }[];
  readonly meets: boolean;
  readonly refusal: 'paused' | 'at_capacity' | 'quota' | null;
  readonly until: Date | null;
  readonly connected: boolean;
}

export interface Why {
  readonly reason: WhyReason;
  /** What no agent is able to do. */
  readonly missingCapabilities?: readonly { name: string; minLevel: number }[];
  readonly until?: Date;
}

/** An agent that names no level of a capability masters it. */
const TOP_LEVEL = 5;

/** Why a task is not being worked on right now. The first reason that holds, from the task's own to its agents'. */
export function why(task: WaitingTask, agents: readonly WaitingAgent[]): Why {
  switch (task.status) {
    case 'done':
    case 'failed':
    case 'cancelled':
      return { reason: 'terminal' };
    case 'assigned':
    case 'in_progress':
      return { reason: 'running' };
    case 'blocked':
    case 'review':
      return { reason: 'approval' };
    case 'inbox':
      return whyInInbox(task, agents);
  }
}

function whyInInbox(task: WaitingTask, agents: readonly WaitingAgent[]): Why {
  if (task.openDependencies > 0) return { reason: 'dependency' };
  if (task.approvalId !== null) return { reason: 'approval' };
  if (task.nextRetryAt !== null) {
    return { reason: task.retryReason === 'quota' ? 'quota' : 'retry_wait', until: task.nextRetryAt };
  }
  const able = agents.filter((agent) => agent.meets);
  if (able.length === 0) return { reason: 'no_able_agent', missingCapabilities: missing(task, agents) };
  const present = able.filter((agent) => agent.connected);
  return whyNoneTakesIt(present.length > 0 ? present : able);
}

/** `no_agent_connected`: they could, but none of them is there to ask for work. */
function whyNoneTakesIt(able: readonly WaitingAgent[]): Why {
  if (able.some((agent) => agent.refusal === null)) return { reason: 'no_agent_connected' };
  if (able.some((agent) => agent.refusal === 'at_capacity')) return { reason: 'at_capacity' };
  const reason = able.some((agent) => agent.refusal === 'quota') ? 'quota' : 'paused';
  const ends = able.flatMap(({ refusal, until }) => (refusal === reason && until !== null ? [until.getTime()] : []));
  return ends.length === 0 ? { reason } : { reason, until: new Date(Math.min(...ends)) };
}

/** What nobody is able to do; where each thing has somebody but nobody has all, what the best one lacks. */
function missing(task: WaitingTask, agents: readonly WaitingAgent[]): { name: string; minLevel: number }[] {
  const lacks = agents.map((agent) => task.requiredCapabilities.filter((wanted) => !has(agent, wanted)));
  const byNobody = task.requiredCapabilities.filter((wanted) => !agents.some((agent) => has(agent, wanted)));
  if (byNobody.length > 0 || lacks.length === 0) return [...byNobody];
  return lacks.reduce((least, own) => (own.length < least.length ? own : least));
}

function has(agent: WaitingAgent, wanted: { name: string; minLevel: number }): boolean {
  return agent.capabilities.some(({ name, level = TOP_LEVEL }) => name === wanted.name && level >= wanted.minLevel);
}
