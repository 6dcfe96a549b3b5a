import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import { IsInt, IsString, Max, MaxLength, Min } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';
import { NotBlank } from '../http/not-blank.js';

export const DEFAULT_CAPABILITY_LEVEL = 3;

export class CapabilityDto {
  @ApiProperty({ example: 'research' })
  @IsString()
  @NotBlank()
  @MaxLength(100)
  name: string;

  @ApiPropertyOptional({ example: 4, minimum: 1, maximum: 5, default: DEFAULT_CAPABILITY_LEVEL })
  @MayBeAbsent()
  @IsInt()
  @Min(1)
  @Max(5)
  level: number = DEFAULT_CAPABILITY_LEVEL;
}

/** A bare name stands for the capability at its usual level. */
export function capabilityOf(value: unknown): unknown {
  return typeof value === 'string' ? Object.assign(new CapabilityDto(), { name: value }) : value;
}
