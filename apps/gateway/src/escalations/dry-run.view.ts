import { ApiProperty } from '@nestjs/swagger';

export class WouldFireView {
  @ApiProperty({
    format: 'uuid',
    nullable: true,
    type: String,
    description: 'Null when it is about an agent, a budget, or an approval that is about no task',
  })
  taskId: string | null;
  @ApiProperty({ format: 'uuid', required: false })
  agentId?: string;
  @ApiProperty({ format: 'uuid', required: false })
  budgetId?: string;
  @ApiProperty({ format: 'uuid', required: false })
  approvalId?: string;
  @ApiProperty({ format: 'date-time' })
  at: string;
}

export class DryRunView {
  @ApiProperty({ type: [WouldFireView] })
  wouldFire: WouldFireView[];
  @ApiProperty({ description: 'There was more than could be looked at: only the latest is shown' })
  truncated: boolean;
}
