import { ApiPropertyOptional } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { ArrayMaxSize, IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { RANKING_STRATEGIES, type RankingStrategy } from '@houston/common/domain/ranking.js';
import { TASK_STATUSES, type TaskStatus } from '@houston/common/domain/task-states.js';
import { TASK_PRIORITIES, type TaskPriority } from '@houston/common/tasks/task.row.js';
import { PageQuery } from '../http/page.js';

const MAX_NAME = 200;

/** `a,b` and repeated parameters alike. */
const list = ({ value }: { value: unknown }): unknown =>
  (Array.isArray(value) ? value : [value]).flatMap((one: unknown) =>
    typeof one === 'string' ? one.split(',') : [one],
  );

export class TasksQuery extends PageQuery {
  @ApiPropertyOptional({ enum: TASK_STATUSES, isArray: true, description: 'One or several' })
  @IsOptional()
  @Transform(list)
  @ArrayMaxSize(TASK_STATUSES.length)
  @IsIn(TASK_STATUSES, { each: true })
  status?: TaskStatus[];

  @ApiPropertyOptional({ enum: TASK_PRIORITIES, isArray: true })
  @IsOptional()
  @Transform(list)
  @ArrayMaxSize(TASK_PRIORITIES.length)
  @IsIn(TASK_PRIORITIES, { each: true })
  priority?: TaskPriority[];

  @ApiPropertyOptional({ description: 'Reserved for this agent: name or id' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  assignee?: string;

  @ApiPropertyOptional({ description: 'On lease to this agent: name or id' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  agent?: string;

  @ApiPropertyOptional({ description: 'Several must all stand there', isArray: true, type: String })
  @IsOptional()
  @Transform(({ value }: { value: unknown }) => (Array.isArray(value) ? value : [value]))
  @ArrayMaxSize(20)
  @IsString({ each: true })
  tag?: string[];

  @ApiPropertyOptional({ description: 'Requires this capability' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_NAME)
  capability?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  parentId?: string;
}

export class SuitableAgentsQuery {
  @ApiPropertyOptional({
    enum: RANKING_STRATEGIES,
    description: "Default: the workspace's setting `assignmentStrategy`, that is `balanced` unless it was changed",
  })
  @IsOptional()
  @IsIn(RANKING_STRATEGIES)
  strategy?: RankingStrategy;
}
