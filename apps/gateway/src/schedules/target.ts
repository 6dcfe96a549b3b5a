import { formatUsd } from '@houston/common/domain/money.js';
import { HEARTBEAT_TAG } from '@houston/common/domain/task-trigger.js';
import { workflowFault } from '@houston/common/domain/workflow.js';
import { invalid } from '../http/problem.js';
import { columnsOf } from '../tasks/task-fields.js';
import type { HeartbeatTargetDto, TargetDto, TaskTargetDto, WorkflowTargetDto } from './schedule.dto.js';
import type { ScheduleRow } from './schedule.row.js';

export type TargetColumns = Pick<ScheduleRow, 'target_kind' | 'target' | 'tasks' | 'agent_id'>;
/** The one target that was asked for. */
export type Target =
  | { kind: 'task'; task: TaskTargetDto }
  | { kind: 'heartbeat'; heartbeat: HeartbeatTargetDto }
  | { kind: 'workflow'; workflow: WorkflowTargetDto }
  | { kind: 'standup' };

export interface FoundAgent {
  id: string;
  name: string;
}

const KINDS = ['task', 'heartbeat', 'workflow', 'standup'] as const;
const HEARTBEAT_MESSAGE = 'Look at the board and take care of what is yours.';

/** @throws Problem invalid_values */
export function targetOf(dto: TargetDto): Target {
  const named = KINDS.filter((kind) => dto[kind] !== undefined && dto[kind] !== null);
  if (named.length !== 1) throw invalid('target', `Give exactly one of ${KINDS.join(', ')}.`);
  if (dto.task) return { kind: 'task', task: dto.task };
  if (dto.heartbeat) return { kind: 'heartbeat', heartbeat: dto.heartbeat };
  if (dto.workflow) return { kind: 'workflow', workflow: dto.workflow };
  return { kind: 'standup' };
}

/** Makes this task. @param assignee as it was found */
export function taskTarget(task: TaskTargetDto, assignee: FoundAgent | null): TargetColumns {
  return {
    ...{ target_kind: 'task', target: { task: shown(task) }, agent_id: null },
    tasks: [taskColumns(task, assignee, 'target.task.')],
  };
}

/**
 * Makes all of these tasks, each waiting for those that it names.
 *
 * @param assignees as they were found, in the order of the tasks
 * @throws Problem invalid_values when a key stands there twice or is unknown, or tasks wait for each other
 */
export function workflowTarget(workflow: WorkflowTargetDto, assignees: readonly (FoundAgent | null)[]): TargetColumns {
  const fault = workflowFault(workflow.tasks);
  if (fault) throw invalid(`target.workflow.tasks[${fault.at}].${fault.field}`, fault.message);
  return {
    ...{ target_kind: 'workflow', agent_id: null },
    target: { workflow: { ...workflow, tasks: workflow.tasks.map(shown) } },
    tasks: workflow.tasks.map((task, n) => ({
      ...taskColumns(task, assignees[n] ?? null, `target.workflow.tasks[${n}].`),
      key: task.key,
      depends_on: [...new Set(task.dependsOn ?? [])],
    })),
  };
}

/** Makes and sends a stand-up of the workspace. */
export function standupTarget(): TargetColumns {
  return { target_kind: 'standup', target: { standup: {} }, agent_id: null, tasks: [] };
}

function taskColumns(task: TaskTargetDto, assignee: FoundAgent | null, at: string): Record<string, unknown> {
  return { ...columnsOf(task, assignee?.id, at), priority: task.priority ?? 'normal' };
}

/** As it was asked for. */
function shown(task: TaskTargetDto): Record<string, unknown> {
  const { budgetUsd } = task;
  return { ...task, ...(typeof budgetUsd === 'bigint' ? { budgetUsd: formatUsd(budgetUsd) } : {}) };
}

/** Wakes this agent by a task that only it can take. */
export function heartbeatTarget(heartbeat: HeartbeatTargetDto, agent: FoundAgent): TargetColumns {
  const { message = HEARTBEAT_MESSAGE } = heartbeat;
  return {
    target_kind: 'heartbeat',
    target: { heartbeat: { ...heartbeat, agent: agent.name, agentId: agent.id } },
    agent_id: agent.id,
    tasks: [
      {
        title: `Heartbeat of ${agent.name}`,
        description: message,
        priority: 'normal',
        assignee_id: agent.id,
        tags: [HEARTBEAT_TAG],
        payload: { kind: 'heartbeat', message },
      },
    ],
  };
}
