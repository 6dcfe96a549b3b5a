import { ApiProperty } from '@nestjs/swagger';
import { sloDueAt } from '@houston/common/escalation/watched-subject.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';

const MS_PER_SECOND = 1_000;

export class SloView {
  @ApiProperty({ nullable: true, type: String, example: 'urgent' })
  tier: string | null;

  @ApiProperty({ nullable: true, type: Number, example: 3600, description: 'Null: no service level and no due time' })
  seconds: number | null;

  @ApiProperty({ format: 'date-time', description: "The task's creation" })
  startedAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  dueAt: string | null;

  @ApiProperty({
    nullable: true,
    type: Number,
    example: 62.5,
    description: 'Up to now, or up to its end; above 100 when it is late',
  })
  consumedPercent: number | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'When the breach was told' })
  breachedAt: string | null;
}

/** How a task stands to its service level; without one, to its due time. */
export function sloView(task: TaskRow, now: Date): SloView {
  const slo = sloDueAt(task);
  const dueAt = slo ?? task.due_at;
  const start = task.created_at.getTime();
  const wholeMs = dueAt === null ? null : dueAt.getTime() - start;
  const usedMs = (task.ended_at ?? now).getTime() - start;
  return {
    tier: task.sla_tier,
    seconds: task.slo_seconds ?? (wholeMs === null ? null : Math.round(wholeMs / MS_PER_SECOND)),
    startedAt: task.created_at.toISOString(),
    dueAt: dueAt?.toISOString() ?? null,
    consumedPercent: wholeMs === null ? null : percent(usedMs, wholeMs),
    breachedAt: (slo === null ? task.breached_at : task.slo_breached_at)?.toISOString() ?? null,
  };
}

/** To two places; a due time before the creation was used up from the start. */
function percent(usedMs: number, wholeMs: number): number {
  return wholeMs <= 0 ? 100 : Math.round((usedMs / wholeMs) * 10_000) / 100;
}
