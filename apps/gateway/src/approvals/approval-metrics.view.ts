import { ApiProperty } from '@nestjs/swagger';
import type { ApprovalVelocity, VelocityRow } from './approval-metrics.store.js';

const MS_PER_SECOND = 1_000;

class VelocityView {
  @ApiProperty({
    example: 40,
    nullable: true,
    type: Number,
    description: 'From asking to deciding; null: nothing decided',
  })
  medianSeconds: number | null;

  @ApiProperty({ example: 310.5, nullable: true, type: Number })
  p95Seconds: number | null;

  @ApiProperty({ example: 0.75, nullable: true, type: Number, description: 'Approved, of what was decided' })
  approvalRate: number | null;

  @ApiProperty({ example: 8 })
  decisions: number;
}

export class AgentVelocityView extends VelocityView {
  @ApiProperty({ example: 'researcher' })
  agent: string;

  @ApiProperty({ format: 'uuid' })
  agentId: string;
}

export class ApproverVelocityView extends VelocityView {
  @ApiProperty({ example: 'member:0199aaaa-0000-7000-8000-000000000000', description: 'A member, an agent or a key' })
  approver: string;

  @ApiProperty({ example: 'Ada', nullable: true, type: String })
  name: string | null;
}

export class ApprovalMetricsView extends VelocityView {
  @ApiProperty({ example: 3, description: 'Pending at present' })
  backlog: number;

  @ApiProperty({ type: [AgentVelocityView], description: 'By the agent that asked' })
  byAgent: AgentVelocityView[];

  @ApiProperty({ type: [ApproverVelocityView], description: 'By whoever decided' })
  byApprover: ApproverVelocityView[];
}

export function approvalMetricsView(
  { total, byAgent, byApprover }: ApprovalVelocity,
  agentNames: ReadonlyMap<string, string>,
): ApprovalMetricsView {
  return {
    ...velocityView(total),
    backlog: total.backlog,
    byAgent: byAgent.map((row) => ({
      agent: agentNames.get(row.agent_id) ?? row.agent_id,
      agentId: row.agent_id,
      ...velocityView(row),
    })),
    byApprover: byApprover.map((row) => ({
      approver: row.approver,
      name: row.name ?? agentNames.get(row.approver.replace(/^agent:/, '')) ?? null,
      ...velocityView(row),
    })),
  };
}

function velocityView({ decisions, approved, median, p95 }: VelocityRow): VelocityView {
  return {
    medianSeconds: rounded(median),
    p95Seconds: rounded(p95),
    approvalRate: decisions === 0 ? null : approved / decisions,
    decisions,
  };
}

function rounded(seconds: number | null): number | null {
  return seconds === null ? null : Math.round(seconds * MS_PER_SECOND) / MS_PER_SECOND;
}
