import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';
import {
  ArrayMaxSize,
  ArrayMinSize,
  ArrayUnique,
  IsArray,
  IsIn,
  IsString,
  MaxLength,
  ValidateBy,
} from 'class-validator';
import { isEventPattern } from '@houston/common/webhooks/event-pattern.js';
import { MayBeAbsent } from '../http/optional.js';
import { PageQuery } from '../http/page.js';

const MAX_PATTERNS = 50;
const MAX_DESCRIPTION = 500;
export const DELIVERY_STATUSES = ['pending', 'delivered', 'exhausted'] as const;

const URL_DOC = {
  example: 'https://example.com/houston',
  description: 'Public http(s) address; private ones only where the operator opened them (WEBHOOK_ALLOW_CIDRS)',
};
export const EVENTS_DOC = {
  type: String,
  isArray: true,
  example: ['budget.*', 'execution.denied'] as string[],
  description: '`*`, `noun.*`, or types such as `budget.frozen`',
} as const;

/** Of events, as `*`, `noun.*` or whole types. */
export function EventPatterns(): PropertyDecorator {
  const isPattern = ValidateBy(
    {
      name: 'isEventPattern',
      validator: {
        validate: (value: unknown) => typeof value === 'string' && isEventPattern(value),
        defaultMessage: () => 'Use "*", "noun.*" or an event type such as "budget.frozen".',
      },
    },
    { each: true },
  );
  return (target, property) => {
    for (const rule of [isPattern, ArrayUnique(), ArrayMaxSize(MAX_PATTERNS), ArrayMinSize(1), IsArray()]) {
      rule(target, property);
    }
  };
}

export class CreateWebhookDto {
  @ApiProperty(URL_DOC)
  @IsString()
  url: string;

  @ApiProperty(EVENTS_DOC)
  @EventPatterns()
  events: string[];

  @ApiPropertyOptional({ example: 'Budget alerts into the team chat' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description: string = '';
}

export class UpdateWebhookDto {
  @ApiPropertyOptional(URL_DOC)
  @MayBeAbsent()
  @IsString()
  url?: string;

  @ApiPropertyOptional(EVENTS_DOC)
  @MayBeAbsent()
  @EventPatterns()
  events?: string[];

  @ApiPropertyOptional({ example: 'Budget alerts into the team chat' })
  @MayBeAbsent()
  @IsString()
  @MaxLength(MAX_DESCRIPTION)
  description?: string;

  @ApiPropertyOptional({
    enum: ['enabled', 'disabled'],
    description: '`enabled` also forgets past failures; `disabled` gives up what is still on its way',
  })
  @MayBeAbsent()
  @IsIn(['enabled', 'disabled'])
  status?: 'enabled' | 'disabled';
}

export class DeliveriesQuery extends PageQuery {
  @ApiPropertyOptional({ enum: DELIVERY_STATUSES })
  @MayBeAbsent()
  @IsIn(DELIVERY_STATUSES)
  status?: (typeof DELIVERY_STATUSES)[number];
}
