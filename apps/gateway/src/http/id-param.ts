import { type PipeTransform } from '@nestjs/common';
import { notFound } from './problem.js';

const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;

/** An id in the path. What is no id cannot exist: it answers like any id that does not. */
export const idParam: PipeTransform<string, string> = {
  transform(value: string): string {
    if (!UUID.test(value)) throw notFound();
    return value.toLowerCase();
  },
};
