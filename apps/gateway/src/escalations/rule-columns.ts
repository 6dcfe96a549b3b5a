import { type EscalationTrigger, looksAt, matchableBy, subjectsOf } from '@houston/common/domain/escalation.js';
import { problemOf } from '@houston/common/escalation/condition.js';
import type { Recipient, RuleAction, RuleRow } from '@houston/common/escalation/escalation.row.js';
import { DECIDER_ROLES } from '@houston/common/domain/approval-deciders.js';
import { linearPattern } from '@houston/common/patterns/linear-pattern.js';
import { invalid, Problem } from '../http/problem.js';
import type { ActionDto, CreateRuleDto, UpdateRuleDto } from './rule.dto.js';

/** What a person decides of a rule. */
export type RuleColumns = Omit<RuleRow, 'workspace_id' | 'version' | 'created_by' | 'created_at' | 'updated_at'>;

const DEFAULT_COOLDOWN_SECONDS = 3_600;
const DEFAULT_MAX_DEPTH = 3;
const MAX_PERCENT = 1_000;
const MAX_SECONDS = 31_536_000;

/** Finds an agent for the field at `path`. @throws Problem unknown_agent */
export type FindAgent = (name: string, path: string) => Promise<string>;

/** The actions of a request with their agents found; what was not sent is absent. */
export type FoundActions = Partial<Pick<RuleColumns, 'actions' | 'levels'>>;

/** @throws Problem unknown_agent */
export async function findActions(body: UpdateRuleDto, findAgent: FindAgent): Promise<FoundActions> {
  const found: FoundActions = {};
  if (body.actions) found.actions = await actionsOf(body.actions, 'actions', findAgent);
  if (body.levels) {
    found.levels = [];
    for (const [number, level] of body.levels.entries()) {
      found.levels.push({ actions: await actionsOf(level.actions, `levels[${number}].actions`, findAgent) });
    }
  }
  return found;
}

/** A new rule from what was asked for. @throws Problem invalid_values */
export function newRule(id: string, body: CreateRuleDto, { actions, levels = [] }: FoundActions): RuleColumns {
  const usual = actions ?? levels[0]?.actions;
  if (!usual) throw invalid('actions', 'Say what is done, here or in levels.');
  return {
    ...{ id, name: body.name, match: body.match ?? {}, trigger: body.trigger, condition: body.condition ?? null },
    ...limitOf(body.threshold),
    ...{ actions: usual, levels },
    cooldown_seconds: body.cooldownSeconds ?? DEFAULT_COOLDOWN_SECONDS,
    max_depth: body.maxDepth ?? DEFAULT_MAX_DEPTH,
    enabled: body.enabled ?? true,
  };
}

/** A rule with what was asked for changed. */
export function changedRule(before: RuleRow, body: UpdateRuleDto, found: FoundActions): RuleColumns {
  return {
    ...{ id: before.id, name: body.name ?? before.name, match: body.match ?? before.match },
    trigger: body.trigger ?? before.trigger,
    ...(body.threshold === undefined
      ? { threshold: before.threshold, pattern: before.pattern }
      : limitOf(body.threshold)),
    condition: body.condition === undefined ? before.condition : body.condition,
    ...{ actions: before.actions, levels: before.levels, ...found },
    cooldown_seconds: body.cooldownSeconds ?? before.cooldown_seconds,
    max_depth: body.maxDepth ?? before.max_depth,
    enabled: body.enabled ?? before.enabled,
  };
}

function limitOf(threshold: number | string): Pick<RuleColumns, 'threshold' | 'pattern'> {
  return typeof threshold === 'string' ? { threshold: null, pattern: threshold } : { threshold, pattern: null };
}

async function actionsOf(list: readonly ActionDto[], path: string, findAgent: FindAgent): Promise<RuleAction[]> {
  const actions: RuleAction[] = [];
  for (const [number, { type, recipients, agent }] of list.entries()) {
    actions.push({
      type,
      ...(recipients === undefined ? {} : { recipients: recipients as Recipient[] }),
      ...(agent === undefined ? {} : { agentId: await findAgent(agent, `${path}[${number}].agent`) }),
    });
  }
  return actions;
}

/** Whether everything about a rule fits together. @throws Problem invalid_values, invalid_condition */
export function requireSound(rule: RuleColumns): void {
  requireThreshold(rule);
  const fields = matchableBy(rule.trigger);
  const odd = Object.keys(rule.match).find((field) => !(fields as string[]).includes(field));
  if (odd) throw invalid(`match.${odd}`, `${rule.trigger} cannot be restricted by it.`);
  const problem = rule.condition === null ? null : problemOf(rule.condition);
  if (problem !== null) {
    throw new Problem('invalid_condition', {
      detail: `condition: ${problem}`,
      errors: [{ path: 'condition', message: problem }],
    });
  }
  for (const action of [rule.actions, ...rule.levels.map((level) => level.actions)].flat()) requireUse(rule, action);
}

function requireUse({ trigger }: RuleColumns, { type, recipients, agentId }: RuleAction): void {
  if (!looksAt(trigger, 'task') && type !== 'notify' && type !== 'webhook') {
    throw invalid('actions', `${trigger} looks at ${subjectsOf(trigger).join()}s; ${type} is for tasks.`);
  }
  if (recipients && type !== 'notify' && type !== 'requestApproval') {
    throw invalid('actions', `Nobody is told by ${type}: it takes no recipients.`);
  }
  if (type === 'requestApproval' && recipients?.some(decidesNothing)) {
    throw invalid('actions', `Approvals are decided by members, agents, or the roles ${DECIDER_ROLES.join(', ')}.`);
  }
  if (agentId && type !== 'reassign') throw invalid('actions', `${type} takes no agent.`);
}

function requireThreshold({ trigger, threshold, pattern }: RuleColumns): void {
  if (trigger === 'errorPattern') {
    if (pattern === null) throw invalid('threshold', 'Give a pattern of RE2.');
    requirePattern(pattern);
    return;
  }
  if (threshold === null) throw invalid('threshold', 'Give a number.');
  const fault = numberFault(trigger, threshold);
  if (fault !== null) throw invalid('threshold', fault);
}

function requirePattern(pattern: string): void {
  try {
    linearPattern(pattern);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    throw invalid('threshold', `It is no pattern of RE2: ${error.message}`);
  }
}

function numberFault(trigger: EscalationTrigger, threshold: number): string | null {
  switch (trigger) {
    case 'failedAttempts':
      return Number.isInteger(threshold) && threshold >= 1 ? null : 'Give a whole number of at least 1.';
    case 'sloConsumed':
    case 'budgetConsumed':
      return threshold > 0 && threshold <= MAX_PERCENT ? null : `Give a percentage above 0, up to ${MAX_PERCENT}.`;
    case 'timeInStatus':
    case 'approvalPending':
    case 'agentSilent':
    case 'errorPattern':
      return threshold <= MAX_SECONDS ? null : `Give at most ${MAX_SECONDS} seconds.`;
  }
}

function decidesNothing(recipient: Recipient): boolean {
  return 'role' in recipient && !DECIDER_ROLES.some((role) => role === recipient.role);
}
