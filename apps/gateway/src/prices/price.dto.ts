import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsOptional, IsString, MaxLength } from 'class-validator';
import { UsdField } from '../http/money.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';

export const MAX_PRICED_NAME = 200;

export class SetPriceDto {
  @UsdField({ example: '2.5', description: 'Per million input tokens' })
  inputPerMTokUsd: bigint;

  @UsdField({ example: '10', description: 'Per million output tokens, reasoning included' })
  outputPerMTokUsd: bigint;

  @UsdField({ required: false, example: '1.25', description: 'Default: as input' })
  @MayBeAbsent()
  cacheReadPerMTokUsd?: bigint;

  @UsdField({ required: false, example: '3.125', description: 'Default: as input' })
  @MayBeAbsent()
  cacheWritePerMTokUsd?: bigint;
}

export class PricesQuery extends PageQuery {
  @ApiPropertyOptional({ example: 'gpt-4o', description: "A part of the model's name" })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_PRICED_NAME)
  model?: string;

  @ApiPropertyOptional({ example: 'openai' })
  @IsOptional()
  @IsString()
  @MaxLength(MAX_PRICED_NAME)
  provider?: string;
}
