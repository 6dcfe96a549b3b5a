import type { CelInput } from '@bufbuild/cel';
import { timestampFromDate } from '@bufbuild/protobuf/wkt';

/** What a field can be, as far as a condition's result depends on it. */
export type FieldType = 'bool' | 'dyn' | 'other';

/** A task as conditions see it. Absent values are null. */
export interface ConditionTask {
  id: string;
  title: string;
  status: string;
  priority: string;
  tags: string[];
  /** Names. */
  requiredCapabilities: string[];
  assigneeId: string | null;
  parentId: string | null;
  payload: unknown;
  slaTier: string | null;
  sloSeconds: number | null;
  attempts: number;
  failures: number;
  lastError: string | null;
  blockerReason: string | null;
  outcome: string | null;
  tokensUsed: number;
  dueAt: Date | null;
  expiresAt: Date | null;
  createdAt: Date;
  startedAt: Date | null;
  statusSince: Date;
}

/** The agent that holds the task, or had it last, or is watched. */
export interface ConditionAgent {
  id: string;
  name: string;
  role: string;
  level: string;
  /** Names. */
  capabilities: string[];
  provider: string | null;
  state: string;
  health: string;
  enabled: boolean;
  lastSeenAt: Date | null;
}

const TASK_TYPES: Record<keyof ConditionTask, FieldType> = {
  id: 'other',
  title: 'other',
  status: 'other',
  priority: 'other',
  tags: 'other',
  requiredCapabilities: 'other',
  assigneeId: 'other',
  parentId: 'other',
  payload: 'dyn',
  slaTier: 'other',
  sloSeconds: 'other',
  attempts: 'other',
  failures: 'other',
  lastError: 'other',
  blockerReason: 'other',
  outcome: 'other',
  tokensUsed: 'other',
  dueAt: 'other',
  expiresAt: 'other',
  createdAt: 'other',
  startedAt: 'other',
  statusSince: 'other',
};
const AGENT_TYPES: Record<keyof ConditionAgent, FieldType> = {
  id: 'other',
  name: 'other',
  role: 'other',
  level: 'other',
  capabilities: 'other',
  provider: 'other',
  state: 'other',
  health: 'other',
  enabled: 'bool',
  lastSeenAt: 'other',
};

export const TASK_FIELDS: ReadonlyMap<string, FieldType> = new Map(Object.entries(TASK_TYPES));
export const AGENT_FIELDS: ReadonlyMap<string, FieldType> = new Map(Object.entries(AGENT_TYPES));

/** JSON, dates and whole numbers as the expression language has them. */
export function celValue(value: unknown): CelInput {
  if (value === null || value === undefined) return null;
  if (value instanceof Date) return timestampFromDate(value);
  if (typeof value === 'number') return Number.isSafeInteger(value) ? BigInt(value) : value;
  if (typeof value === 'string' || typeof value === 'boolean' || typeof value === 'bigint') return value;
  if (Array.isArray(value)) return value.map(celValue);
  if (typeof value === 'object')
    return new Map(Object.entries(value).map(([name, inner]) => [name, celValue(inner)] as const));
  throw new TypeError(`A ${typeof value} means nothing to a condition`);
}
