import { ApiProperty } from '@nestjs/swagger';

export class CheckView {
  @ApiProperty({ example: 12, description: 'Times a rule was held against something that was due' })
  looked: number;
  @ApiProperty({ example: 1 })
  raised: number;
  @ApiProperty({ example: 0 })
  resolved: number;
  @ApiProperty({ description: 'Nothing is left to look at; otherwise the rest follows by itself' })
  finished: boolean;
}

export class EvaluatedRuleView {
  @ApiProperty({ format: 'uuid' })
  ruleId: string;
  @ApiProperty({ example: 'Blocked for more than 30 minutes' })
  name: string;
  @ApiProperty({ description: 'It is true of the task now, its condition included' })
  holds: boolean;
  @ApiProperty({
    format: 'date-time',
    nullable: true,
    type: String,
    description: 'From when on it holds if nothing else happens, apart from its condition; null: not in this state',
  })
  at: string | null;
  @ApiProperty({ description: 'It fired just now' })
  fired: boolean;
  @ApiProperty({ example: 1, description: 'Firings since it began to hold' })
  level: number;
  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'The latest that is not resolved' })
  escalationId: string | null;
  @ApiProperty({ nullable: true, type: String, description: 'Why its condition could not be evaluated' })
  conditionProblem: string | null;
}

export class EvaluationView {
  @ApiProperty({ format: 'uuid' })
  taskId: string;
  @ApiProperty({ type: [EvaluatedRuleView], description: 'Every enabled rule that looks at tasks' })
  items: EvaluatedRuleView[];
}
