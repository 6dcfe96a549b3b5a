import { ApiProperty } from '@nestjs/swagger';
import type { TimelineRow } from './timeline.store.js';
import type { TaskMessageRow } from './thread.store.js';
import { taskMessageView, TaskMessageView } from './thread.view.js';

const KINDS = ['message', 'document', 'run', 'approval', 'escalation', 'state'] as const;

type Kind = (typeof KINDS)[number];

/** By the first part of the type; everything else is a change of the task's state. */
const KIND_OF: Readonly<Record<string, Kind>> = {
  message: 'message',
  document: 'document',
  execution: 'run',
  approval: 'approval',
  escalation: 'escalation',
};

export class TimelineEntryView {
  @ApiProperty({ format: 'uuid', description: "The message's or the run's own id, otherwise the event's" })
  id: string;

  @ApiProperty({ example: 'message.posted', description: 'A type of event; `execution.<status>` for a run' })
  type: string;

  @ApiProperty({ enum: KINDS })
  kind: Kind;

  @ApiProperty({ format: 'date-time' })
  time: string;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000001' })
  actor: string;

  @ApiProperty({ type: Object, description: "The event's own data, or how the run stands now" })
  data: Record<string, unknown>;

  @ApiProperty({ type: TaskMessageView, required: false, description: 'What was said' })
  message?: TaskMessageView;
}

export function timelineEntryView(row: TimelineRow, messages: ReadonlyMap<string, TaskMessageRow>): TimelineEntryView {
  const message = row.type === 'message.posted' ? messages.get(String(row.data['messageId'])) : undefined;
  return {
    ...{ id: message?.id ?? row.id, type: row.type, kind: KIND_OF[row.type.split('.', 1)[0] ?? ''] ?? 'state' },
    ...{ time: row.time.toISOString(), actor: row.actor, data: withoutRecipients(row.data) },
    ...(message ? { message: taskMessageView(message) } : {}),
  };
}

/** Who was told is a matter of delivery. */
function withoutRecipients(data: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(data).filter(([name]) => name !== 'recipients' && name !== 'channels'));
}
