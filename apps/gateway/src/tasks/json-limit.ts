import { registerDecorator } from 'class-validator';

/** Any JSON value of at most `maxBytes` as UTF-8 text. */
export function IsJson(maxBytes: number): PropertyDecorator {
  return (target, propertyName) =>
    registerDecorator({
      name: 'isJson',
      target: target.constructor,
      propertyName: propertyName as string,
      validator: {
        validate: (value: unknown) => Buffer.byteLength(JSON.stringify(value)) <= maxBytes,
        defaultMessage: () => `Give JSON of at most ${maxBytes} bytes.`,
      },
    });
}
