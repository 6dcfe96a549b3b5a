import { formatUsd } from '@houston/common/domain/money.js';
import { HEARTBEAT_TAG } from '@houston/common/domain/task-trigger.js';
import { invalid } from '../http/problem.js';
import { columnsOf } from '../tasks/task-fields.js';
import type { HeartbeatTargetDto, TargetDto, TaskTargetDto } from './schedule.dto.js';
import type { ScheduleRow } from './schedule.row.js';

export type TargetColumns = Pick<ScheduleRow, 'target_kind' | 'target' | 'task' | 'agent_id'>;
/** The one target that was asked for. */
export type Target = { kind: 'task'; task: TaskTargetDto } | { kind: 'heartbeat'; heartbeat: HeartbeatTargetDto };

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
  if (named[0] === 'workflow') {
    throw invalid('target.workflow', 'Houston runs no workflows of its own: use a task whose agent makes the others.');
  }
  throw invalid('target.standup', 'Nothing here can run a stand-up yet; use a task or a heartbeat.');
}

/** Makes this task. @param assignee as it was found */
export function taskTarget(task: TaskTargetDto, assignee: FoundAgent | null): TargetColumns {
  const columns = columnsOf(task, assignee?.id, 'target.task.');
  const { budgetUsd } = task;
  const shown = { ...task, ...(typeof budgetUsd === 'bigint' ? { budgetUsd: formatUsd(budgetUsd) } : {}) };
  return {
    ...{ target_kind: 'task', target: { task: shown }, agent_id: null },
    task: { ...columns, priority: task.priority ?? 'normal' },
  };
}

/** Wakes this agent by a task that only it can take. */
export function heartbeatTarget(heartbeat: HeartbeatTargetDto, agent: FoundAgent): TargetColumns {
  const { message = HEARTBEAT_MESSAGE } = heartbeat;
  return {
    target_kind: 'heartbeat',
    target: { heartbeat: { ...heartbeat, agent: agent.name, agentId: agent.id } },
    agent_id: agent.id,
    task: {
      title: `Heartbeat of ${agent.name}`,
      description: message,
      priority: 'normal',
      assignee_id: agent.id,
      tags: [HEARTBEAT_TAG],
      payload: { kind: 'heartbeat', message },
    },
  };
}
