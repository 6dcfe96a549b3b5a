import type { Tx } from '../db/database.js';
import { holdsFrom, looksAt } from '../domain/escalation.js';
import { evaluate } from './condition.js';
import type { EscalationRow, RuleRow } from './escalation.row.js';
import { look } from './look.js';
import { watchRule } from './rule.js';
import { enabledRules, lockOf, now, openOf, setWatches, shareRules } from './watch.store.js';
import { conditionInput, readSubjects, type Subject } from './watched-subject.js';

/** How one rule stands to a task. */
export interface Evaluation {
  rule: RuleRow;
  holds: boolean;
  /** From when on it holds if nothing else happens, apart from its condition; null: not in this state. */
  from: Date | null;
  fired: boolean;
  level: number;
  escalationId: string | null;
  /** Why its condition could not be evaluated. */
  problem: string | null;
}

/** Holds every rule against a task now; what is due fires. @returns null when there is no such task */
export async function evaluateTask(tx: Tx, workspaceId: string, taskId: string): Promise<Evaluation[] | null> {
  await shareRules(tx);
  const rules = (await enabledRules(tx, [workspaceId])).filter((rule) => looksAt(rule.trigger, 'task'));
  const watched = await lockOf(tx, workspaceId, taskId);
  const subject = (await readSubjects(tx, workspaceId, ['task'], [taskId])).get(taskId);
  if (!subject) return null;
  const known = new Set(watched.map((watch) => watch.rule_id));
  const froms = new Map(rules.map((rule) => [rule.id, holdsFrom(watchRule(rule), subject.watched)]));
  await setWatches(
    tx,
    rules
      .filter((rule) => froms.get(rule.id) !== null || known.has(rule.id))
      .map((rule) => ({
        ...{ workspace_id: workspaceId, rule_id: rule.id, subject_id: taskId },
        due_at: froms.get(rule.id) ?? null,
      })),
  );
  // The subject itself is locked after its watches, as by everybody who looks.
  const at = await now(tx);
  const due = (await lockOf(tx, workspaceId, taskId)).filter((watch) => watch.due_at <= at);
  const { raised } = await look(tx, due);
  const open = await openOf(tx, workspaceId, taskId);
  return rules.map((rule) => ({
    ...evaluationOf(rule, froms.get(rule.id) ?? null, subject, at, open),
    fired: open.some((row) => row.rule_id === rule.id && raised.includes(row.id)),
  }));
}

function evaluationOf(
  rule: RuleRow,
  from: Date | null,
  subject: Subject,
  at: Date,
  open: readonly EscalationRow[],
): Omit<Evaluation, 'fired'> {
  const verdict = rule.condition === null ? null : evaluate(rule.condition, conditionInput(subject, at));
  const latest = open.filter((row) => row.rule_id === rule.id).at(-1);
  return {
    ...{ rule, from },
    holds: from !== null && from <= at && (verdict === null || verdict.kind === 'true'),
    level: latest?.level ?? 0,
    escalationId: latest?.id ?? null,
    problem: verdict?.kind === 'failed' ? verdict.problem : null,
  };
}
