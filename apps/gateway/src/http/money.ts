import { applyDecorators } from '@nestjs/common';
import { ApiProperty, type ApiPropertyOptions } from '@nestjs/swagger';
import { Transform } from 'class-transformer';
import { registerDecorator, type ValidationArguments } from 'class-validator';
import { MAX_EXECUTION_NANO, type NanoUsd, parseUsd } from '@houston/common/domain/money.js';

/**
 * A field of money in a request: a decimal string in USD (or a JSON number), turned into nano-USD as a bigint.
 *
 * @param maxNano refuse more than this (default 1,000,000 USD)
 */
export function UsdField(options: ApiPropertyOptions & { maxNano?: NanoUsd } = {}): PropertyDecorator {
  const { maxNano = MAX_EXECUTION_NANO, ...api } = options;
  return applyDecorators(
    ApiProperty({ type: String, example: '0.0123', ...(api as object) }),
    Transform(({ value }: { value: unknown }) => {
      if (value === undefined || value === null) return value;
      const parsed = parseUsd(value, { maxNano });
      return parsed.ok ? parsed.nano : new NotMoney(parsed.problem);
    }),
    IsMoney(),
  );
}

class NotMoney {
  constructor(readonly problem: string) {}
}

function IsMoney(): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'isMoney',
      target: target.constructor,
      propertyName: propertyName as string,
      validator: {
        validate: (value: unknown) => typeof value === 'bigint',
        defaultMessage: ({ value }: ValidationArguments) =>
          value instanceof NotMoney ? value.problem : 'Give an amount in USD as a decimal string such as "12.50".',
      },
    });
}
