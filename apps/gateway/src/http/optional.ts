import { applyDecorators } from '@nestjs/common';
import { ValidateIf } from 'class-validator';

/**
 * A field that may be left out. Unlike IsOptional it does not let `null` through: null is a value, and where it means
 * nothing it is refused instead of reaching the database.
 */
export function MayBeAbsent(): PropertyDecorator {
  return applyDecorators(ValidateIf((_, value) => value !== undefined));
}

/** As MayBeAbsent, where null has a meaning: it takes the value away. */
export function MayBeNull(): PropertyDecorator {
  return applyDecorators(ValidateIf((_, value) => value !== undefined && value !== null));
}
