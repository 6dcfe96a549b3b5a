import { isDeepStrictEqual } from 'node:util';
import { isoWeekDay } from '../budgets/week-start.js';
import { invalid } from '../http/problem.js';
import type { UpdateAgentDto } from './agent.dto.js';
import type { AgentRegistration, AgentRow, Hours } from './agent.row.js';
import type { WeeklyHoursDto } from './weekly-hours.dto.js';

/** What a request names by reference, resolved. Undefined: not mentioned. */
export interface ResolvedRefs {
  dependsOn?: string[];
  replacedBy?: string | null;
}

/** A request as columns; what it does not mention is left out. */
export function registrationOf(body: Omit<UpdateAgentDto, 'name'>, refs: ResolvedRefs): Partial<AgentRegistration> {
  const named = {
    release: body.version,
    description: body.description,
    role: body.role,
    level: body.level,
    capabilities: body.capabilities
      ?.map(({ name, level }) => ({ name, level }))
      .sort((a, b) => (a.name < b.name ? -1 : 1)),
    max_concurrent: body.maxConcurrent,
    models: body.models,
    provider: body.provider,
    cost_per_task_nano: body.costPerTaskUsd === null ? null : body.costPerTaskUsd?.toString(),
    session_key: body.sessionKey,
    token_profile: body.tokenProfile,
    limits: body.limits,
    depends_on: refs.dependsOn,
    lifecycle: body.lifecycle,
    replaced_by: refs.replacedBy,
    enabled: body.enabled,
    breaker: body.breaker === undefined ? undefined : withoutUndefined({ ...body.breaker }),
    metadata: body.metadata,
    ...hoursOf(body.weekly),
  };
  return withoutUndefined(named);
}

/** Only what differs from the present registration. */
export function changesOf(before: AgentRow, wanted: Partial<AgentRegistration>): Partial<AgentRegistration> {
  const entries = Object.entries(wanted) as [keyof AgentRegistration, unknown][];
  return Object.fromEntries(entries.filter(([column, value]) => !isDeepStrictEqual(before[column], value)));
}

/** An agent back from deprecation has no successor any more. @throws Problem invalid_values */
export function withLifecycle(
  before: Pick<AgentRegistration, 'lifecycle' | 'replaced_by'>,
  wanted: Partial<AgentRegistration>,
): Partial<AgentRegistration> {
  const lifecycle = wanted.lifecycle ?? before.lifecycle;
  if (lifecycle === 'deprecated') return wanted;
  if (wanted.replaced_by)
    throw invalid('replacedBy', 'Only a deprecated agent has a successor: set its lifecycle too.');
  return before.replaced_by === null ? wanted : { ...wanted, replaced_by: null };
}

function hoursOf(weekly: WeeklyHoursDto | null | undefined): { availability?: Hours[] | null; timezone?: string } {
  if (weekly === undefined) return {};
  if (weekly === null) return { availability: null };
  const availability = weekly.windows.map(({ day, from, to }, index) => {
    if (from === to)
      throw invalid(`weekly.windows[${index}].to`, 'The window is empty; a whole day is 00:00 to 24:00.');
    return { day: isoWeekDay(day), from, to };
  });
  return { availability, timezone: weekly.timezone };
}

function withoutUndefined<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]: Exclude<T[K], undefined>;
  };
}
