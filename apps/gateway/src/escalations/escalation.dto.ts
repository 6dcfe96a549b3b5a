import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsOptional, IsString, IsUUID, MaxLength } from 'class-validator';
import { ESCALATION_STATUSES, type EscalationStatus } from '@houston/common/domain/escalation.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';
import { NotBlank } from '../http/not-blank.js';

const MAX_RESOLUTION = 2_000;

export class EscalationsQuery extends PageQuery {
  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  taskId?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'An approval that is about no task' })
  @IsOptional()
  @IsUUID()
  approvalId?: string;

  @ApiPropertyOptional({ format: 'uuid' })
  @IsOptional()
  @IsUUID()
  ruleId?: string;

  @ApiPropertyOptional({ enum: ESCALATION_STATUSES })
  @IsOptional()
  @IsIn(ESCALATION_STATUSES)
  status?: EscalationStatus;
}

export class ResolveEscalationDto {
  @ApiPropertyOptional({ example: 'The stamps have come.', description: 'Default: resolved by hand' })
  @MayBeAbsent()
  @IsString()
  @NotBlank()
  @MaxLength(MAX_RESOLUTION)
  resolution?: string;
}
