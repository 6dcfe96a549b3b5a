import { ApiProperty } from '@nestjs/swagger';
import type { BreakerSettings } from './agent.row.js';

const BREAKER_STATES = ['closed', 'open', 'half_open'] as const;

export type BreakerState = (typeof BREAKER_STATES)[number];

/** As `breaker_of` in the database has it. */
const DEFAULTS: Required<BreakerSettings> = {
  failureRate: 0.5,
  minimumTasks: 5,
  windowSeconds: 600,
  openSeconds: 120,
  unansweredOffers: 3,
};

/** What is set for an agent's breaker, and defaults for the rest. */
export class BreakerView implements Required<BreakerSettings> {
  @ApiProperty({ example: 0.5, description: 'This share of its tasks failed: it is failing' })
  failureRate: number;
  @ApiProperty({ example: 5, description: 'With fewer tasks it is not judged' })
  minimumTasks: number;
  @ApiProperty({ example: 600, description: 'How far back tasks count' })
  windowSeconds: number;
  @ApiProperty({ example: 120, description: 'How long it gets no work before its trial' })
  openSeconds: number;
  @ApiProperty({ example: 3, description: 'So many offers in a row that it did not acknowledge: it is deaf' })
  unansweredOffers: number;
}

/** Where the breaker of an agent stands. */
export class BreakerStandView {
  @ApiProperty({
    enum: BREAKER_STATES,
    description: 'closed: it gets work; open: none; half_open: one task, its trial',
  })
  state: BreakerState;
  @ApiProperty({ enum: ['failing', 'deaf'], nullable: true, type: String })
  reason: 'failing' | 'deaf' | null;
  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'When its trial may begin' })
  until: string | null;
}

export function breakerView(set: BreakerSettings): BreakerView {
  return { ...DEFAULTS, ...set };
}
