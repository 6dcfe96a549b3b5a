import { ApiProperty } from '@nestjs/swagger';
import type { ActivityRow } from './activity.store.js';

class NamedRef {
  @ApiProperty({ example: '019a9d6e-0000-7000-8000-000000000000' })
  id: string;

  @ApiProperty({ example: 'Sort the mail', nullable: true, type: String, description: 'null: it is gone' })
  name: string | null;
}

export class ActivityView {
  @ApiProperty({ format: 'uuid', description: 'Of the event' })
  id: string;

  @ApiProperty({ example: 'task.assigned' })
  type: string;

  @ApiProperty({ example: '2026-11-21T09:30:00.000Z' })
  time: string;

  @ApiProperty({ example: 'key:019a9d6e-0000-7000-8000-000000000000' })
  actor: string;

  @ApiProperty({ example: 'Ada', nullable: true, type: String, description: 'The member, agent or key it was' })
  actorName: string | null;

  @ApiProperty({ example: 'task:019a9d6e-0000-7000-8000-000000000000' })
  subject: string;

  @ApiProperty({ type: NamedRef, nullable: true, description: 'With its present title' })
  task: NamedRef | null;

  @ApiProperty({ type: NamedRef, nullable: true })
  agent: NamedRef | null;

  @ApiProperty({ type: Object, example: { taskId: '019a9d6e-0000-7000-8000-000000000000', attempt: 1 } })
  data: Record<string, unknown>;
}

/** Of an event's data these are for the machinery that tells people. */
const MACHINERY = new Set(['recipients', 'channels']);

export function activityView(row: ActivityRow): ActivityView {
  return {
    ...{ id: row.id, type: row.type, time: row.time.toISOString(), actor: row.actor, actorName: row.actor_name },
    subject: row.subject,
    task: row.task_id === null ? null : { id: row.task_id, name: row.task_title },
    agent: row.agent_id === null ? null : { id: row.agent_id, name: row.agent_name },
    data: Object.fromEntries(Object.entries(row.data).filter(([name]) => !MACHINERY.has(name))),
  };
}
