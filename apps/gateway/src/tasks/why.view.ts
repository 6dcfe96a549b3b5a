import { ApiProperty } from '@nestjs/swagger';
import type { RankingTerm } from '@houston/common/domain/ranking.js';
import { WHY_REASONS, type WhyReason } from '@houston/common/domain/task-why.js';

const TERMS_EXAMPLE = {
  speed: { value: 0.5, weight: 0.2 },
  price: { value: 0.5, weight: 0.2 },
  quality: { value: 0.65, weight: 0.35 },
  room: { value: 1, weight: 0.25 },
};

export class RankedAgentView {
  @ApiProperty({ example: 'researcher' })
  agent: string;
  @ApiProperty({ format: 'uuid' })
  agentId: string;
  @ApiProperty({ example: 0.6775, description: 'From 0 to 1: the sum of value x weight' })
  score: number;
  @ApiProperty({ type: Object, example: TERMS_EXAMPLE })
  terms: Readonly<Record<RankingTerm, { value: number; weight: number }>>;
  @ApiProperty({ description: 'It gave a sign of life lately' })
  connected: boolean;
  @ApiProperty({ enum: ['paused', 'at_capacity', 'quota'], nullable: true, type: String })
  refusal: 'paused' | 'at_capacity' | 'quota' | null;
  @ApiProperty({
    enum: ['failing', 'deaf'],
    nullable: true,
    type: String,
    description: 'Why its breaker is not closed',
  })
  degradedReason: 'failing' | 'deaf' | null;
  @ApiProperty({ type: String, format: 'date-time', nullable: true, description: 'When the refusal ends by itself' })
  until: string | null;
}

/** A task, an approval, a person's decision, or room in a budget. */
export class WaitsForView {
  @ApiProperty({ enum: ['task', 'approval', 'blocked', 'review', 'budget'] })
  kind: string;
  @ApiProperty({ required: false, format: 'uuid' })
  id?: string;
  @ApiProperty({ required: false })
  title?: string;
  @ApiProperty({ required: false })
  status?: string;
  @ApiProperty({ required: false, type: String, nullable: true })
  reason?: string | null;
}

export class WhyView {
  @ApiProperty({ enum: WHY_REASONS })
  reason: WhyReason;
  @ApiProperty({ required: false, type: [Object], example: [{ name: 'french', minLevel: 4 }] })
  missingCapabilities?: { name: string; minLevel: number }[];
  @ApiProperty({ required: false, format: 'date-time' })
  until?: string;
  @ApiProperty({ required: false, type: [WaitsForView] })
  waitsFor?: WaitsForView[];
  @ApiProperty({ type: [RankedAgentView], description: 'Able agents, best first' })
  candidates: RankedAgentView[];
}
