import { type PipeTransform } from '@nestjs/common';
import { notFound } from './problem.js';
import { looksLikeId } from './uuid.js';

/** An id in the path. What is no id cannot exist: it answers like any id that does not. */
export const idParam: PipeTransform<string, string> = {
  transform(value: string): string {
    if (!looksLikeId(value)) throw notFound();
    return value.toLowerCase();
  },
};
