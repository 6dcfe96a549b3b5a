import { type ArgumentMetadata, Injectable, type PipeTransform } from '@nestjs/common';
import { plainToInstance } from 'class-transformer';
import { getMetadataStorage, validateSync, type ValidationError, type ValidatorOptions } from 'class-validator';
import { type Fault, Problem } from './problem.js';

const MAX_FAULTS = 100;
const MAX_DETAIL_LENGTH = 2_000;

const OPTIONS: ValidatorOptions = {
  whitelist: true,
  forbidNonWhitelisted: true,
  forbidUnknownValues: false,
  validationError: { target: false, value: false },
};

rememberRules();

/** Types of parameters that have no rules of their own. */
const PLAIN: ReadonlySet<unknown> = new Set([undefined, String, Boolean, Number, Array, Object, Buffer]);

/**
 * Turns bodies and queries into the classes that describe them. Unknown fields are named, not dropped; every fault is told
 * at once. Nest's own pipe does the same through promises, for rules that wait for something; ours never do.
 */
@Injectable()
export class ValidationPipe implements PipeTransform<unknown, unknown> {
  transform(value: unknown, { type, metatype }: ArgumentMetadata): unknown {
    if (type === 'custom' || type === 'param' || metatype === undefined || PLAIN.has(metatype)) return value;
    const instance = plainToInstance(metatype, value ?? {}) as object;
    const faults = validateSync(instance, OPTIONS).flatMap((error) => faultsOf(error, ''));
    if (faults.length === 0) return instance;
    throw new Problem('invalid_values', {
      detail: faults
        .map((fault) => `${fault.path}: ${fault.message}`)
        .join('; ')
        .slice(0, MAX_DETAIL_LENGTH),
      errors: faults.slice(0, MAX_FAULTS),
    });
  }
}

/**
 * class-validator looks the rules of a class up among those of all classes, for every object anew, which costs more than
 * checking them. They never change once the classes are loaded, and with one set of options a class has one list.
 */
function rememberRules(): void {
  const storage = getMetadataStorage();
  const known = new WeakMap<object, ReturnType<typeof storage.getTargetValidationMetadatas>>();
  const lookUp = storage.getTargetValidationMetadatas.bind(storage);
  storage.getTargetValidationMetadatas = (target, ...options) => {
    let rules = known.get(target);
    if (!rules) known.set(target, (rules = lookUp(target, ...options)));
    return rules;
  };
}

function faultsOf(error: ValidationError, parent: string): Fault[] {
  const step = /^\d+$/.test(error.property)
    ? `[${error.property}]`
    : parent === ''
      ? error.property
      : `.${error.property}`;
  const path = parent + step;
  const broken = topmost(Object.entries(error.constraints ?? {}));
  const own = broken.map(([rule, message]) => ({
    path,
    message: rule === 'whitelistValidation' ? 'There is no such field.' : message,
  }));
  return [...own, ...(error.children ?? []).flatMap((child) => faultsOf(child, path))];
}

/**
 * Of several broken rules the one that stands first in the class: `must be a string`, not `must be shorter than 200
 * characters`. Decorators take effect from the bottom up, so it comes last; rules about what is within come even later.
 */
function topmost(broken: [rule: string, message: string][]): [rule: string, message: string][] {
  const ofItself = broken.filter(([rule]) => rule !== 'nestedValidation');
  return (ofItself.length > 0 ? ofItself : broken).slice(-1);
}
