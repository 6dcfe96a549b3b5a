import { Ajv2020, type AnySchemaObject, type ErrorObject } from 'ajv/dist/2020.js';
import { LRUCache } from 'lru-cache';
import { linearPattern } from '@houston/common/patterns/linear-pattern.js';
import { Overdue, withinMs } from '@houston/common/patterns/within-ms.js';
import type { Fault } from '../http/problem.js';

const MAX_SCHEMA_BYTES = 65_536;
const MAX_FAULTS = 20;
const REMEMBERED = 500;
/** Patterns, uniqueItems and references to itself can make a small schema slow for a large result. */
const VALIDATE_MS = 1_000;

type Validate = { (value: unknown): boolean; errors?: ErrorObject[] | null };

const compiled = new LRUCache<string, Validate>({ max: REMEMBERED });

/** What is wrong with a schema that a result is to be held against, or null. JSON Schema 2020-12; it refers to itself only. */
export function schemaFault(schema: Record<string, unknown>): string | null {
  if (Buffer.byteLength(JSON.stringify(schema)) > MAX_SCHEMA_BYTES)
    return `It is larger than ${MAX_SCHEMA_BYTES} bytes.`;
  const remote = remoteReference(schema);
  if (remote !== null) return `It refers to ${remote}; only references within the schema (#...) are followed.`;
  try {
    compile(schema);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message.slice(0, 500) : 'It is no JSON Schema.';
  }
}

/** Where a result does not have the shape that its schema asks for; empty when it has. */
export function resultFaults(schema: Record<string, unknown>, result: unknown): Fault[] {
  const validate = compile(schema);
  try {
    if (withinMs(VALIDATE_MS, () => validate(result))) return [];
  } catch (error) {
    if (error instanceof Overdue) return [{ path: 'result', message: `Holding it against the schema took too long.` }];
    throw error;
  }
  return (validate.errors ?? []).slice(0, MAX_FAULTS).map((error) => ({
    path: `result${error.instancePath.replaceAll('/', '.')}`,
    message: error.message ?? 'is not valid',
  }));
}

function compile(schema: Record<string, unknown>): Validate {
  const key = JSON.stringify(schema);
  const known = compiled.get(key);
  if (known) return known;
  // An instance of its own: schemas of different tasks may bear the same $id.
  const ajv = new Ajv2020({ strict: false, validateFormats: false, logger: false, code: { regExp: regExpEngine } });
  const validate: Validate = ajv.compile(schema as AnySchemaObject);
  compiled.set(key, validate);
  return validate;
}

const regExpEngine = Object.assign((pattern: string) => linearPattern(pattern), { code: 'linearPattern' });

/** Data of the schema (const, enum, examples) may look like a reference and be none; refusing it all the same costs little. */
function remoteReference(value: unknown): string | null {
  if (typeof value !== 'object' || value === null) return null;
  for (const [name, inner] of Object.entries(value)) {
    const isReference = name === '$ref' || name === '$dynamicRef' || name === '$recursiveRef';
    if (isReference && typeof inner === 'string' && !inner.startsWith('#')) return inner.slice(0, 200);
    const found = remoteReference(inner);
    if (found !== null) return found;
  }
  return null;
}
