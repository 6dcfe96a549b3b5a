import type { Tx } from '../db/database.js';
import type { SubjectKind, WatchedAgent, WatchedApproval, WatchedBudget, WatchedTask } from '../domain/escalation.js';
import { celValue, type ConditionAgent, type ConditionTask } from './condition-fields.js';
import type { ConditionInput } from './condition.js';
import {
  type AgentFacts,
  agentFacts,
  type ApprovalFacts,
  approvalFacts,
  type BudgetFacts,
  budgetFacts,
  type TaskFacts,
  taskFacts,
} from './subject.store.js';

/** What a rule looks at, as everything that has to do with the looking needs it. */
export type Subject =
  | { kind: 'task'; id: string; title: string; facts: TaskFacts; watched: WatchedTask }
  | { kind: 'agent'; id: string; title: string; facts: AgentFacts; watched: WatchedAgent }
  | { kind: 'budget'; id: string; title: string; facts: BudgetFacts; watched: WatchedBudget }
  | { kind: 'approval'; id: string; title: string; facts: ApprovalFacts; watched: WatchedApproval };

/** Subjects of these kinds by their ids, as they are now. Ids that do not exist are left out. */
export async function readSubjects(
  tx: Tx,
  workspaceId: string,
  kinds: readonly SubjectKind[],
  ids: readonly string[],
): Promise<Map<string, Subject>> {
  const found = new Map<string, Subject>();
  if (ids.length === 0) return found;
  for (const kind of kinds) {
    for (const [id, subject] of await readKind(tx, workspaceId, kind, ids)) found.set(id, subject);
  }
  return found;
}

async function readKind(
  tx: Tx,
  workspaceId: string,
  kind: SubjectKind,
  ids: readonly string[],
): Promise<Map<string, Subject>> {
  switch (kind) {
    case 'task':
      return mapped(await taskFacts(tx, workspaceId, ids), taskSubject);
    case 'agent':
      return mapped(await agentFacts(tx, ids), agentSubject);
    case 'budget':
      return mapped(await budgetFacts(tx, workspaceId, ids), budgetSubject);
    case 'approval':
      return mapped(await approvalFacts(tx, workspaceId, ids), approvalSubject);
  }
}

function mapped<Facts>(facts: Map<string, Facts>, subject: (facts: Facts) => Subject): Map<string, Subject> {
  return new Map([...facts].map(([id, one]) => [id, subject(one)] as const));
}

export function taskSubject(facts: TaskFacts): Subject {
  return { kind: 'task', id: facts.task.id, title: facts.task.title, facts, watched: watchedTask(facts) };
}

const FAILURES: ReadonlySet<string> = new Set(['transient', 'permanent', 'timeout', 'abandoned', 'stalled']);

function watchedTask({ task, failures, last_failed_at, last_kind, agent, assignee_name }: TaskFacts): WatchedTask {
  const agents = [agent?.id, agent?.name, task.assignee_id, assignee_name];
  return {
    kind: 'task',
    status: task.status,
    statusSince: task.status_since,
    createdAt: task.created_at,
    dueTimes: [sloDueAt(task), task.due_at].flatMap((time) => (time === null ? [] : [time])),
    failures,
    lastFailedAt: last_failed_at,
    lastError: last_kind !== null && FAILURES.has(last_kind) ? task.last_error : null,
    approvalSince: task.approval_since,
    matchable: {
      priority: [task.priority],
      status: [task.status],
      capability: task.required_capabilities.map(({ name }) => name),
      tag: task.tags,
      agent: agents.filter((name) => typeof name === 'string'),
    },
  };
}

const MS_PER_SECOND = 1_000;

/** When a task's service level is missed; null: it has none. */
export function sloDueAt(task: { created_at: Date; slo_seconds: number | null }): Date | null {
  return task.slo_seconds === null ? null : new Date(task.created_at.getTime() + task.slo_seconds * MS_PER_SECOND);
}

export function agentSubject(facts: AgentFacts): Subject {
  const { id, name, capabilities, enabled, seen_at } = facts;
  const matchable = { agent: [id, name], capability: capabilities.map((capability) => capability.name) };
  const watched: WatchedAgent = { kind: 'agent', lastSeenAt: enabled ? seen_at : null, matchable };
  return { kind: 'agent', id, title: name, facts, watched };
}

export function budgetSubject(facts: BudgetFacts): Subject {
  const { id, name, agent_id, agent_name, consumed_percent, now } = facts;
  const matchable = { agent: [agent_id, agent_name].filter((value) => value !== null) };
  const watched: WatchedBudget = { kind: 'budget', consumedPercent: consumed_percent, at: now, matchable };
  return { kind: 'budget', id, title: name, facts, watched };
}

export function approvalSubject(facts: ApprovalFacts): Subject {
  const { approval, agent } = facts;
  const watched: WatchedApproval = {
    ...{ kind: 'approval', since: approval.created_at, isPending: approval.status === 'pending' },
    matchable: { agent: agent === null ? [] : [agent.id, agent.name] },
  };
  return { kind: 'approval', id: approval.id, title: approval.action, facts, watched };
}

/** A subject as conditions see it. */
export function conditionInput(subject: Subject, now: Date): ConditionInput {
  const task = subject.kind === 'task' ? conditionTask(subject.facts) : null;
  const agent = agentBehind(subject);
  return { task: celValue(task), agent: celValue(agent && conditionAgent(agent)), now: celValue(now) };
}

function agentBehind(subject: Subject): AgentFacts | null {
  switch (subject.kind) {
    case 'task':
    case 'approval':
      return subject.facts.agent;
    case 'agent':
      return subject.facts;
    case 'budget':
      return null;
  }
}

function conditionTask({ task, failures }: TaskFacts): ConditionTask {
  return {
    id: task.id,
    title: task.title,
    status: task.status,
    priority: task.priority,
    tags: task.tags,
    requiredCapabilities: task.required_capabilities.map(({ name }) => name),
    assigneeId: task.assignee_id,
    parentId: task.parent_id,
    payload: task.payload,
    slaTier: task.sla_tier,
    sloSeconds: task.slo_seconds,
    attempts: task.attempts,
    failures,
    lastError: task.last_error,
    blockerReason: task.blocker_reason,
    outcome: task.outcome,
    tokensUsed: Number(task.tokens_used),
    dueAt: task.due_at,
    expiresAt: task.expires_at,
    createdAt: task.created_at,
    startedAt: task.started_at,
    statusSince: task.status_since,
  };
}

function conditionAgent(agent: AgentFacts): ConditionAgent {
  const { id, name, role, level, capabilities, provider, enabled, state, health, seen_at } = agent;
  return {
    ...{ id, name, role, level, provider, enabled },
    capabilities: capabilities.map((capability) => capability.name),
    state: state ?? 'offline',
    health: health ?? 'offline',
    lastSeenAt: seen_at,
  };
}
