import type { PipeTransform } from '@nestjs/common';
import { invalid } from '../http/problem.js';
import { MAX_PRICED_NAME } from './price.dto.js';

/** A provider or a model in the path, percent-encoded where it has slashes; prices are kept under lower case. */
export const priceName: PipeTransform<string, string> = {
  transform(value: string, { data }): string {
    const name = value.trim().toLowerCase();
    if (name === '' || name.length > MAX_PRICED_NAME || name.includes('\u0000')) {
      throw invalid(data ?? 'name', `Use 1 to ${MAX_PRICED_NAME} characters.`);
    }
    return name;
  },
};
