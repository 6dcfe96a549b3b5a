import type { Tx } from '../db/database.js';
import type { SubjectKind } from '../domain/escalation.js';
import type { EscalationRow, RuleRow, WatchRow } from './escalation.row.js';

export interface Mark {
  workspace_id: string;
  kind: 'task' | 'agent' | 'approval' | 'budgets' | 'rule';
  subject_id: string;
  after_id: string | null;
}

/** When to look at what; `due_at` null: no more. */
export type NewWatch = Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id'> & { due_at: Date | null };

/** What a watch is after a look. */
export type LookedAt = Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id' | 'depth' | 'cooldown_until'> & {
  due_at: Date | null;
};

const WATCH = 'workspace_id, rule_id, subject_id, depth, due_at, cooldown_until';
const RULE = `workspace_id, id, name, match, trigger, threshold, pattern, condition, actions, levels, cooldown_seconds,
  max_depth, enabled, version, created_by, created_at, updated_at`;

export async function now(tx: Tx): Promise<Date> {
  const [row] = await tx.query<{ now: Date }>('select clock_timestamp() as now');
  if (!row) throw new Error('The database tells no time');
  return row.now;
}

/** Leaves words that something happened; see mark_escalations. */
export async function mark(tx: Tx, marks: readonly Omit<Mark, 'after_id'>[]): Promise<void> {
  if (marks.length === 0) return;
  await tx.query('select mark_escalations($1, $2)', [tx.organizationId, JSON.stringify(marks)]);
}

/**
 * Takes words away, the oldest first; those that another process has taken are left to it. However many are about rules, they
 * keep none of the others waiting.
 *
 * @param limit of those that are not about rules
 */
export function takeMarks(tx: Tx, limit: number, limitOfRules: number): Promise<Mark[]> {
  const oldest = (which: string, most: string) =>
    `select workspace_id, kind, subject_id from escalation_marks
      where organization_id = $1 and ($2::uuid is null or workspace_id = $2) and ${which}
      order by marked_at limit ${most} for update skip locked`;
  // Materialized: inside of a join the planner may run the limited part again and again, and take everything.
  return tx.query(
    `with plain as materialized (${oldest("kind <> 'rule'", '$3')}),
          of_rules as materialized (${oldest("kind = 'rule'", '$4')}),
          oldest as (select * from plain union all select * from of_rules)
     delete from escalation_marks m using oldest o
      where m.workspace_id = o.workspace_id and m.kind = o.kind and m.subject_id = o.subject_id
     returning m.workspace_id, m.kind, m.subject_id, m.after_id`,
    [tx.organizationId, tx.workspaceId, limit, limitOfRules],
  );
}

/** Goes on with a rule's subjects at the next turn. */
export async function markFurther(tx: Tx, { workspace_id, subject_id }: Mark, afterId: string): Promise<void> {
  await tx.query(
    `insert into escalation_marks (organization_id, workspace_id, kind, subject_id, after_id)
     select $1, $2, 'rule', id, $4 from escalation_rules where workspace_id = $2 and id = $3
     on conflict (workspace_id, kind, subject_id) do update set after_id = null`,
    [tx.organizationId, workspace_id, subject_id, afterId],
  );
}

/** Keeps every rule from being deleted until the transaction ends; see lock_rules_shared. */
export async function shareRules(tx: Tx): Promise<void> {
  await tx.query('select lock_rules_shared($1)', [tx.organizationId]);
}

/** Rules of these workspaces that are enabled. */
export function enabledRules(tx: Tx, workspaceIds: readonly string[]): Promise<RuleRow[]> {
  return tx.query(`select ${RULE} from escalation_rules where workspace_id = any($1::uuid[]) and enabled order by id`, [
    workspaceIds,
  ]);
}

export function rulesByIds(tx: Tx, workspaceId: string, ids: readonly string[]): Promise<RuleRow[]> {
  return tx.query(`select ${RULE} from escalation_rules where workspace_id = $1 and id = any($2::uuid[]) order by id`, [
    workspaceId,
    ids,
  ]);
}

/** Writes when to look next; see set_watches. */
export async function setWatches(tx: Tx, watches: readonly NewWatch[]): Promise<void> {
  if (watches.length === 0) return;
  await tx.query('select set_watches($1, $2)', [tx.organizationId, JSON.stringify(watches)]);
}

/** Which watches of these subjects there are. */
export function watchesOf(
  tx: Tx,
  workspaceId: string,
  subjectIds: readonly string[],
): Promise<Pick<WatchRow, 'rule_id' | 'subject_id'>[]> {
  return tx.query(
    'select rule_id, subject_id from escalation_watches where workspace_id = $1 and subject_id = any($2::uuid[])',
    [workspaceId, subjectIds],
  );
}

/** Without tasks that are done or cancelled and that nothing has its eye on. */
export async function unfinishedOrWatched(tx: Tx, workspaceId: string, taskIds: readonly string[]): Promise<string[]> {
  const rows = await tx.query<{ id: string }>(
    `select i.id from unnest($2::uuid[]) as i(id)
       left join lateral (select x.status from tasks x where x.workspace_id = $1 and x.id = i.id offset 0) t on true
      where t.status is null or t.status not in ('done', 'cancelled')
         or exists (select from escalation_watches w where w.workspace_id = $1 and w.subject_id = i.id)`,
    [workspaceId, taskIds],
  );
  return rows.map(({ id }) => id);
}

/** Watches of a rule in order of their subjects. */
export function watchedSubjects(tx: Tx, workspaceId: string, ruleId: string): Promise<{ subject_id: string }[]> {
  return tx.query('select subject_id from escalation_watches where workspace_id = $1 and rule_id = $2', [
    workspaceId,
    ruleId,
  ]);
}

/** Locks watches that are due, the longest due first; those that another process looks at are left to it. */
export function lockDue(tx: Tx, limit: number): Promise<WatchRow[]> {
  return tx.query(
    `select ${WATCH} from escalation_watches
      where organization_id = $1 and due_at <= now() and ($2::uuid is null or workspace_id = $2)
      order by due_at limit $3 for update skip locked`,
    [tx.organizationId, tx.workspaceId, limit],
  );
}

/** Locks one watch if it is still due and nobody else looks at it. */
export function lockOne(tx: Tx, watch: Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id'>): Promise<WatchRow[]> {
  return tx.query(
    `select ${WATCH} from escalation_watches
      where workspace_id = $1 and rule_id = $2 and subject_id = $3 and due_at <= now() for update skip locked`,
    [watch.workspace_id, watch.rule_id, watch.subject_id],
  );
}

/** Locks the watches of one subject, whether they are due or not. */
export function lockOf(tx: Tx, workspaceId: string, subjectId: string): Promise<WatchRow[]> {
  return tx.query(
    `select ${WATCH} from escalation_watches where workspace_id = $1 and subject_id = $2 order by rule_id for update`,
    [workspaceId, subjectId],
  );
}

/** Moments within the next `withinMs` at which something is due, each once, in steps of 100 ms. */
export async function upcoming(tx: Tx, withinMs: number): Promise<{ in_ms: number; at_ms: string }[]> {
  return tx.query(
    `select distinct (ceil(extract(epoch from due_at) * 10) * 100)::bigint::text as at_ms,
            greatest(ceil(ceil(extract(epoch from due_at) * 10) * 100 - extract(epoch from clock_timestamp()) * 1000), 0)::int as in_ms
       from (select due_at from escalation_watches
              where organization_id = $1 and due_at > now() and due_at <= now() + $2 * interval '1 millisecond'
              order by due_at limit 1000) d
     union
     select distinct (ceil(extract(epoch from due_at) * 10) * 100)::bigint::text,
            greatest(ceil(ceil(extract(epoch from due_at) * 10) * 100 - extract(epoch from clock_timestamp()) * 1000), 0)::int
       from (select slo_breach_at as due_at from tasks
              where organization_id = $1 and slo_breach_at > now() and slo_breach_at <= now() + $2 * interval '1 millisecond'
              order by slo_breach_at limit 1000) s`,
    [tx.organizationId, withinMs],
  );
}

export async function writeLooks(tx: Tx, looks: readonly LookedAt[]): Promise<void> {
  const gone = looks.filter((look) => look.due_at === null);
  const kept = looks.filter((look) => look.due_at !== null);
  if (gone.length > 0) {
    await tx.query(
      `delete from escalation_watches w
        using jsonb_to_recordset($1) as x(workspace_id uuid, rule_id uuid, subject_id uuid)
        where w.workspace_id = x.workspace_id and w.rule_id = x.rule_id and w.subject_id = x.subject_id`,
      [JSON.stringify(gone)],
    );
  }
  if (kept.length > 0) {
    await tx.query(
      `update escalation_watches w set depth = x.depth, due_at = x.due_at, cooldown_until = x.cooldown_until
         from jsonb_to_recordset($1) as x(workspace_id uuid, rule_id uuid, subject_id uuid, depth int, due_at timestamptz,
                                          cooldown_until timestamptz)
        where w.workspace_id = x.workspace_id and w.rule_id = x.rule_id and w.subject_id = x.subject_id`,
      [JSON.stringify(kept)],
    );
  }
}

/** Puts off what could not be looked at. */
export async function postpone(
  tx: Tx,
  watch: Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id'>,
  seconds: number,
): Promise<void> {
  await tx.query(
    `update escalation_watches set due_at = now() + make_interval(secs => $4)
      where workspace_id = $1 and rule_id = $2 and subject_id = $3 and due_at <= now()`,
    [watch.workspace_id, watch.rule_id, watch.subject_id, seconds],
  );
}

export type NewEscalation = Pick<
  EscalationRow,
  'workspace_id' | 'id' | 'rule_id' | 'rule_name' | 'subject_id' | 'level' | 'reason' | 'actions' | 'since'
> & { subject_kind: SubjectKind };

export async function insertEscalations(tx: Tx, rows: readonly NewEscalation[]): Promise<void> {
  if (rows.length === 0) return;
  await tx.query(
    `insert into escalations (organization_id, workspace_id, id, rule_id, rule_name, subject_kind, subject_id, level, reason,
                              actions, since, raised_at)
     select $1, x.workspace_id, x.id, x.rule_id, x.rule_name, x.subject_kind, x.subject_id, x.level, x.reason, x.actions, x.since,
            clock_timestamp()
       from jsonb_populate_recordset(null::escalations, $2) x`,
    [tx.organizationId, JSON.stringify(rows)],
  );
}

/** Ends what a rule has raised about a subject. @returns what was open */
export function resolveOpen(
  tx: Tx,
  pair: Pick<WatchRow, 'workspace_id' | 'rule_id' | 'subject_id'>,
  actor: string,
  resolution: string,
): Promise<EscalationRow[]> {
  return tx.query(
    `update escalations set status = 'resolved', resolved_at = now(), resolved_by = $4, resolution = $5
      where workspace_id = $1 and rule_id = $2 and subject_id = $3 and status <> 'resolved' returning *`,
    [pair.workspace_id, pair.rule_id, pair.subject_id, actor, resolution],
  );
}

/** Ends everything that a rule has raised. @returns what was open */
export function resolveOpenOfRule(
  tx: Tx,
  workspaceId: string,
  ruleId: string,
  actor: string,
  resolution: string,
): Promise<EscalationRow[]> {
  return tx.query(
    `update escalations set status = 'resolved', resolved_at = now(), resolved_by = $3, resolution = $4
      where workspace_id = $1 and rule_id = $2 and status <> 'resolved' returning *`,
    [workspaceId, ruleId, actor, resolution],
  );
}

/** What is open about a subject, by level. */
export function openOf(tx: Tx, workspaceId: string, subjectId: string): Promise<EscalationRow[]> {
  return tx.query(
    `select * from escalations where workspace_id = $1 and subject_id = $2 and status <> 'resolved' order by level`,
    [workspaceId, subjectId],
  );
}
