import { ApiPropertyOptional } from '@nestjs/swagger';
import { IsString, MaxLength } from 'class-validator';
import { MayBeAbsent } from '../http/optional.js';

export class ConnectQuery {
  @ApiPropertyOptional({ description: 'Instead of the header Authorization: a one-time ticket' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(200)
  ticket?: string;
}
