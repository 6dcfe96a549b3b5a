import { Column, type ColumnOptions } from 'typeorm';

/** A bigint column of nano-USD (or nano-USD per million tokens), read and written as a JavaScript bigint. */
export function NanoColumn(options: ColumnOptions = {}): PropertyDecorator {
  return Column({
    type: 'bigint',
    transformer: {
      from: (value: string | null) => (value === null ? null : BigInt(value)),
      to: (value: bigint | null | undefined) => (typeof value === 'bigint' ? value.toString() : value),
    },
    ...options,
  });
}
