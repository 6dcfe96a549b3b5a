import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsIn, IsInt, IsNumber, Max, Min } from 'class-validator';
import { ANOMALY_MODES, ANOMALY_RANGES, type AnomalyMode } from '@houston/common/domain/anomalies.js';
import { APPROVAL_THRESHOLDS } from '@houston/common/domain/approval-policy.js';
import { MayBeAbsent } from '../http/optional.js';

const PERCENT = { minimum: 0, maximum: 100 };
const { spendFactor, repeatedCalls, denials, freezeMinutes } = ANOMALY_RANGES;

export class ApprovalSettingsDto {
  @ApiPropertyOptional({
    ...PERCENT,
    default: APPROVAL_THRESHOLDS.autoApproveAbove,
    description: 'Low risk with more confidence than this needs nobody',
  })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(100)
  autoApproveAbove?: number;

  @ApiPropertyOptional({
    ...PERCENT,
    default: APPROVAL_THRESHOLDS.blockBelow,
    description: 'With less confidence than this owners decide',
  })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(0)
  @Max(100)
  blockBelow?: number;
}

export class AnomalySettingsDto {
  @ApiPropertyOptional({
    enum: ANOMALY_MODES,
    default: 'flag',
    description:
      'What is done about an agent that behaves unlike itself: nothing, an event `agent.anomaly_found`, or its own budgets are frozen',
  })
  @MayBeAbsent()
  @IsIn(ANOMALY_MODES)
  mode?: AnomalyMode;

  @ApiPropertyOptional({
    ...{ minimum: spendFactor.least, maximum: spendFactor.most, default: spendFactor.default },
    description: 'So many times what it spends in a busy quarter of an hour',
  })
  @MayBeAbsent()
  @IsNumber({ allowNaN: false, allowInfinity: false })
  @Min(spendFactor.least)
  @Max(spendFactor.most)
  spendFactor?: number;

  @ApiPropertyOptional({
    ...{ minimum: repeatedCalls.least, maximum: repeatedCalls.most, default: repeatedCalls.default },
    description: 'So many calls within a quarter of an hour that do not differ in anything',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(repeatedCalls.least)
  @Max(repeatedCalls.most)
  repeatedCalls?: number;

  @ApiPropertyOptional({
    ...{ minimum: denials.least, maximum: denials.most, default: denials.default },
    description: 'So many denials within a quarter of an hour',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(denials.least)
  @Max(denials.most)
  denials?: number;

  @ApiPropertyOptional({
    ...{ minimum: freezeMinutes.least, maximum: freezeMinutes.most, default: freezeMinutes.default },
    description: 'How long a budget stays frozen, unless somebody thaws it before',
  })
  @MayBeAbsent()
  @IsInt()
  @Min(freezeMinutes.least)
  @Max(freezeMinutes.most)
  freezeMinutes?: number;
}
