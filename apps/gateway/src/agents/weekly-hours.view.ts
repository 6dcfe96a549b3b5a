import { ApiProperty } from '@nestjs/swagger';
import { WEEK_DAYS } from '../budgets/week-start.js';
import type { AgentRegistration } from './agent.row.js';

export class WindowView {
  @ApiProperty({ enum: WEEK_DAYS })
  day: string;

  @ApiProperty({ example: '09:00' })
  from: string;

  @ApiProperty({ example: '17:30' })
  to: string;
}

export class WeeklyView {
  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;

  @ApiProperty({ type: [WindowView] })
  windows: WindowView[];
}

export function weeklyView({ availability, timezone }: AgentRegistration): WeeklyView | null {
  if (availability === null) return null;
  return { timezone, windows: availability.map(({ day, from, to }) => ({ day: WEEK_DAYS[day - 1]!, from, to })) };
}
