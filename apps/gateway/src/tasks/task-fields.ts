import type { CreateTaskDto, UpdateTaskDto } from './task.dto.js';
import { workspaceSettings } from '@houston/common/domain/workspace-settings.js';
import { invalid } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { schemaFault } from './output-schema.js';

/**
 * The fields of a request by their columns; what was not sent is absent, what was cleared is null.
 *
 * @param assigneeId as the assignee was found
 * @param at where the fields stand in the request, with a dot at the end
 * @throws Problem invalid_values
 */
export function columnsOf(
  body: CreateTaskDto | UpdateTaskDto,
  assigneeId: string | null | undefined,
  at = '',
): Record<string, unknown> {
  if (body.outputSchema) {
    const fault = schemaFault(body.outputSchema);
    if (fault !== null) throw invalid(`${at}outputSchema`, fault);
  }
  return {
    title: body.title,
    description: body.description,
    priority: body.priority,
    required_capabilities: capabilitiesOf(body),
    assignee_id: assigneeId,
    payload: body.payload,
    output_schema: body.outputSchema,
    tags: body.tags === undefined ? undefined : [...new Set(body.tags)],
    retry_policy: body.retryPolicy,
    execution_timeout_seconds: body.executionTimeoutSeconds,
    due_at: timeOf(`${at}dueAt`, body.dueAt),
    sla_tier: body.slaTier,
    // A service level named without its seconds takes those of the workspace.
    slo_seconds: body.sloSeconds ?? (body.slaTier === undefined ? body.sloSeconds : null),
    expires_at: timeOf(`${at}expiresAt`, body.expiresAt),
    budget_nano: body.budgetUsd?.toString() ?? body.budgetUsd,
    token_budget: body.tokenBudget,
  };
}

/** A service level that is named without its seconds must be one of the workspace's. @throws Problem invalid_values */
export function requireTier(
  settings: Record<string, unknown>,
  { slaTier, sloSeconds }: Pick<CreateTaskDto, 'slaTier' | 'sloSeconds'>,
  at = '',
): void {
  if (typeof slaTier !== 'string' || typeof sloSeconds === 'number') return;
  const { sloTiers } = workspaceSettings(settings);
  if (Object.hasOwn(sloTiers, slaTier)) return;
  const known = Object.keys(sloTiers).join(', ') || 'none';
  throw invalid(`${at}slaTier`, `The workspace has no such service level (it has ${known}); or send sloSeconds too.`);
}

/** Each once, at the highest level asked for, by name: equal demands look equal. */
function capabilitiesOf({ requiredCapabilities }: CreateTaskDto | UpdateTaskDto) {
  if (requiredCapabilities === undefined) return undefined;
  const levels = new Map<string, number>();
  for (const { name, minLevel } of requiredCapabilities) levels.set(name, Math.max(minLevel, levels.get(name) ?? 1));
  return [...levels].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, minLevel]) => ({ name, minLevel }));
}

function timeOf(path: string, text: string | null | undefined): string | null | undefined {
  return text === undefined || text === null ? text : timeParam(path, text).toUTC().toISO();
}
