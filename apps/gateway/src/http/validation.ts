import { ValidationPipe } from '@nestjs/common';
import type { ValidationError } from 'class-validator';
import { type Fault, Problem } from './problem.js';

/** The one validation pipe: unknown fields are named, not dropped; every fault of a body is told at once. */
export function validationPipe(): ValidationPipe {
  return new ValidationPipe({
    transform: true,
    whitelist: true,
    forbidNonWhitelisted: true,
    stopAtFirstError: true,
    validationError: { target: false, value: false },
    exceptionFactory: (errors) => {
      const faults = errors.flatMap((error) => faultsOf(error, ''));
      return new Problem('invalid_values', {
        detail: faults
          .map((fault) => `${fault.path}: ${fault.message}`)
          .join('; ')
          .slice(0, 2000),
        errors: faults.slice(0, 100),
      });
    },
  });
}

function faultsOf(error: ValidationError, parent: string): Fault[] {
  const step = /^\d+$/.test(error.property)
    ? `[${error.property}]`
    : parent === ''
      ? error.property
      : `.${error.property}`;
  const path = parent + step;
  const own = Object.entries(error.constraints ?? {}).map(([rule, message]) => ({
    path,
    message: rule === 'whitelistValidation' ? 'There is no such field.' : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => faultsOf(child, path))];
}
