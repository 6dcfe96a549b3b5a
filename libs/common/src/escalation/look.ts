import { v7 as newId } from 'uuid';
import type { Tx } from '../db/database.js';
import { holdsFrom, judgeWatch, looksAt, SUBJECT_KINDS, type WatchVerdict } from '../domain/escalation.js';
import { appendEvents, type NewEvent } from '../events/event-log.js';
import { evaluate } from './condition.js';
import type { ActionResult, EscalationRow, RuleRow, WatchRow } from './escalation.row.js';
import { performAction } from './perform-action.js';
import { actionsAt, watchRule } from './rule.js';
import { reasonOf } from './reason.js';
import { lockApprovals, lockTasks } from './subject.store.js';
import { toldTo } from './told-to.js';
import {
  insertEscalations,
  type LookedAt,
  type NewEscalation,
  now,
  resolveOpen,
  resolveOpenOfRule,
  rulesByIds,
  writeLooks,
} from './watch.store.js';
import { conditionInput, readSubjects, type Subject } from './watched-subject.js';

const ACTOR = 'system';

export interface Looked {
  /** Ids of what was raised. */
  raised: string[];
  /** How much was resolved. */
  resolved: number;
}

/** A firing that is not written yet. */
interface Raised {
  row: NewEscalation;
  event: NewEvent;
}

/**
 * Looks at watches that the transaction has locked: raises what holds, resolves what no longer does, and writes when to look
 * again. Everything is read anew under the subjects' locks, so that nothing fires that is not true any more.
 */
export async function look(tx: Tx, watches: readonly WatchRow[]): Promise<Looked> {
  const raised: Raised[] = [];
  let resolved = 0;
  const looks: LookedAt[] = [];
  for (const workspaceId of [...new Set(watches.map((watch) => watch.workspace_id))].sort()) {
    const own = watches.filter((watch) => watch.workspace_id === workspaceId);
    const rules = await rulesByIds(tx, workspaceId, [...new Set(own.map((watch) => watch.rule_id))]);
    const subjects = await lockSubjects(tx, workspaceId, own, rules);
    const at = await now(tx);
    for (const watch of own) {
      const rule = rules.find(({ id }) => id === watch.rule_id);
      const one = await lookAt(tx, watch, rule, subjects.get(watch.subject_id), at);
      resolved += one.resolved;
      looks.push(one.look);
      if (one.raised === null) continue;
      raised.push(one.raised);
      // What was done about it may have changed what the next rule says of it.
      if (one.raised.row.actions.some(isDeed)) await readAgain(tx, workspaceId, subjects, watch.subject_id);
    }
  }
  const rows = raised.map((one) => one.row);
  await insertEscalations(tx, rows);
  await appendEvents(
    tx,
    raised.map((one) => one.event),
  );
  await writeLooks(tx, looks);
  return { raised: rows.map((row) => row.id), resolved };
}

async function lockSubjects(
  tx: Tx,
  workspaceId: string,
  watches: readonly WatchRow[],
  rules: readonly RuleRow[],
): Promise<Map<string, Subject>> {
  const found = new Map<string, Subject>();
  for (const kind of SUBJECT_KINDS) {
    const about = new Set(rules.filter((rule) => looksAt(rule.trigger, kind)).map((rule) => rule.id));
    const ids = [...new Set(watches.filter((w) => about.has(w.rule_id)).map((w) => w.subject_id))];
    if (kind === 'task' && ids.length > 0) await lockTasks(tx, workspaceId, ids);
    if (kind === 'approval' && ids.length > 0) await lockApprovals(tx, workspaceId, ids);
    for (const [id, subject] of await readSubjects(tx, workspaceId, [kind], ids)) found.set(id, subject);
  }
  return found;
}

/** Whether it changes anything but what people know. */
function isDeed({ type }: ActionResult): boolean {
  return type !== 'notify' && type !== 'webhook';
}

async function readAgain(tx: Tx, workspaceId: string, subjects: Map<string, Subject>, id: string): Promise<void> {
  const subject = subjects.get(id);
  if (subject?.kind !== 'task') return;
  const fresh = (await readSubjects(tx, workspaceId, ['task'], [id])).get(id);
  if (fresh) subjects.set(id, fresh);
}

async function lookAt(
  tx: Tx,
  watch: WatchRow,
  rule: RuleRow | undefined,
  subject: Subject | undefined,
  at: Date,
): Promise<{ raised: Raised | null; resolved: number; look: LookedAt }> {
  const verdict = verdictOf(watch, rule, subject, at);
  const { workspace_id, rule_id, subject_id, depth, cooldown_until } = watch;
  const key = { workspace_id, rule_id, subject_id };
  if (verdict.kind === 'wait') {
    return { raised: null, resolved: 0, look: { ...key, depth, cooldown_until, due_at: verdict.dueAt } };
  }
  if (verdict.kind === 'leave' || !rule || !subject) {
    const dueAt = verdict.kind === 'leave' ? verdict.dueAt : null;
    const resolved = depth > 0 ? await resolve(tx, key, ACTOR, 'It no longer holds.') : 0;
    return { raised: null, resolved, look: { ...key, depth: 0, cooldown_until, due_at: dueAt } };
  }
  return {
    ...{ raised: await raise(tx, rule, subject, verdict.level, watch.due_at), resolved: 0 },
    look: { ...key, depth: verdict.level, cooldown_until: verdict.cooldownUntil, due_at: verdict.dueAt },
  };
}

/** What a rule says of a subject now, for a watch that has come as far as this. */
export function verdictOf(
  watch: Pick<WatchRow, 'depth' | 'cooldown_until'>,
  rule: RuleRow | undefined,
  subject: Subject | undefined,
  at: Date,
): WatchVerdict {
  const from = rule?.enabled && subject ? holdsFrom(watchRule(rule), subject.watched) : null;
  const pace = { cooldownSeconds: rule?.cooldown_seconds ?? 1, maxDepth: rule?.max_depth ?? 1 };
  const isTrue = () =>
    !rule?.condition || !subject || evaluate(rule.condition, conditionInput(subject, at)).kind === 'true';
  return judgeWatch({ depth: watch.depth, cooldownUntil: watch.cooldown_until }, pace, from, at, isTrue);
}

/** Does what is to be done. @returns what is to be written of it */
async function raise(tx: Tx, rule: RuleRow, subject: Subject, level: number, since: Date): Promise<Raised> {
  const id = newId();
  const reason = reasonOf(rule, subject);
  const occasion = { ruleId: rule.id, ruleName: rule.name, reason };
  const actions: ActionResult[] = [];
  for (const action of actionsAt(rule, level)) {
    actions.push(await performAction(tx, rule.workspace_id, subject, action, occasion));
  }
  return {
    row: {
      ...{ workspace_id: rule.workspace_id, id, rule_id: rule.id, rule_name: rule.name, level, reason, since },
      ...{ subject_kind: subject.kind, subject_id: subject.id, actions },
    },
    event: {
      ...{ type: 'escalation.raised', actor: ACTOR, subject: `escalation:${id}`, workspaceId: rule.workspace_id },
      data: {
        ...{ escalationId: id, ruleId: rule.id, rule: rule.name, trigger: rule.trigger, level, reason, actions },
        ...{ [`${subject.kind}Id`]: subject.id, dueAt: since.toISOString() },
        ...(await toldTo(tx, rule, subject, level, reason)),
      },
    },
  };
}

/** Ends everything a rule has raised about a subject, each with its event. @returns how many */
export async function resolve(
  tx: Tx,
  pair: Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id'>,
  actor: string,
  resolution: string,
): Promise<number> {
  const rows = await resolveOpen(tx, pair, actor, resolution);
  await appendEvents(
    tx,
    rows.map((row) => resolvedEvent(row, actor, resolution)),
  );
  return rows.length;
}

/** Ends everything a rule has raised, each with its event. */
export async function resolveRule(tx: Tx, rule: RuleRow, actor: string, resolution: string): Promise<void> {
  const rows = await resolveOpenOfRule(tx, rule.workspace_id, rule.id, actor, resolution);
  await appendEvents(
    tx,
    rows.map((row) => resolvedEvent(row, actor, resolution)),
  );
}

function resolvedEvent(row: EscalationRow, actor: string, resolution: string): NewEvent {
  return {
    ...{ type: 'escalation.resolved', actor, subject: `escalation:${row.id}`, workspaceId: row.workspace_id },
    data: {
      ...{ escalationId: row.id, ruleId: row.rule_id, rule: row.rule_name, level: row.level },
      ...{ [`${row.subject_kind}Id`]: row.subject_id, resolution },
    },
  };
}
