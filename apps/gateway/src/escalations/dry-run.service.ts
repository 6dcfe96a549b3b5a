import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { type PastTask, wouldHold } from '@houston/common/domain/dry-run.js';
import {
  holdsFrom,
  matches,
  type SubjectKind,
  subjectsOf,
  type WatchedTask,
} from '@houston/common/domain/escalation.js';
import { evaluate } from '@houston/common/escalation/condition.js';
import type { RuleRow } from '@houston/common/escalation/escalation.row.js';
import { watchRule } from '@houston/common/escalation/rule.js';
import { conditionInput, readSubjects, type Subject } from '@houston/common/escalation/watched-subject.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import { DryRunStore, type PastAttempt, type PastMove } from './dry-run.store.js';
import type { DryRunView, WouldFireView } from './dry-run.view.js';
import { RuleStore } from './rule.store.js';

const MAX_TASKS = 5_000;
const MAX_MOVES = 100_000;
const MAX_SHOWN = 1_000;

interface Span {
  from: Date;
  until: Date;
}

interface Found {
  items: WouldFireView[];
  truncated: boolean;
}

/** Answers what a rule would have done in the past. */
@Injectable()
export class DryRunService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(RuleStore) private readonly rules: RuleStore,
    @Inject(DryRunStore) private readonly store: DryRunStore,
  ) {}

  /** @throws Problem not_found */
  run(caller: Caller, id: string, days: number): Promise<DryRunView> {
    return this.db.inOrganization(caller.organizationId, async (whole) => {
      // Silence of agents is told to the whole organization; everything else stays within the workspace.
      const tx: Tx = { ...whole, workspaceId: caller.workspaceId };
      const rule = await this.rules.find(tx, caller.workspaceId, id);
      if (!rule) throw notFound();
      const span = await this.store.span(tx, days);
      const found = await this.found(tx, rule, span, caller.workspaceId);
      const items = found.items.sort((a, b) => (a.at < b.at ? 1 : -1));
      return { wouldFire: items.slice(0, MAX_SHOWN), truncated: found.truncated || items.length > MAX_SHOWN };
    });
  }

  private async found(tx: Tx, rule: RuleRow, span: Span, workspaceId: string): Promise<Found> {
    const found = [];
    for (const kind of subjectsOf(rule.trigger)) found.push(await this.foundOf(kind, tx, rule, span, workspaceId));
    return { items: found.flatMap(({ items }) => items), truncated: found.some(({ truncated }) => truncated) };
  }

  private async foundOf(kind: SubjectKind, tx: Tx, rule: RuleRow, span: Span, workspaceId: string): Promise<Found> {
    switch (kind) {
      case 'task':
        return this.tasks(tx, rule, span, workspaceId);
      case 'agent':
        return { items: await this.agents(tx, rule, span, workspaceId), truncated: false };
      case 'budget':
        return { items: await this.budgets(tx, rule, span), truncated: false };
      case 'approval':
        return this.approvals(tx, rule, span, workspaceId);
    }
  }

  private async tasks(tx: Tx, row: RuleRow, { from, until }: Span, workspaceId: string) {
    const ids = await this.store.taskIds(tx, from, MAX_TASKS);
    const subjects = await readSubjects(tx, workspaceId, ['task'], ids);
    const moves = groupedBy(await this.store.moves(tx, from, MAX_MOVES), (move) => move.task_id);
    const attempts = groupedBy(await this.store.attempts(tx, ids), (attempt) => attempt.task_id);
    const rule = watchRule(row);
    const items = [...subjects.values()].flatMap((subject) => {
      if (subject.kind !== 'task') return [];
      const past = pastTask(subject.watched, moves.get(subject.id) ?? [], attempts.get(subject.id) ?? [], from);
      const times = wouldHold(rule, past, from, until, (then, at) => isTrue(row, subject, then, at));
      return times.map((at) => ({ taskId: subject.id, at: at.toISOString() }));
    });
    return { items, truncated: ids.length === MAX_TASKS };
  }

  private async agents(tx: Tx, row: RuleRow, { from, until }: Span, workspaceId: string): Promise<WouldFireView[]> {
    const silences = await this.store.silences(tx, from, MAX_MOVES);
    const subjects = await readSubjects(tx, workspaceId, ['agent'], [...new Set(silences.map((one) => one.agent_id))]);
    return silences.flatMap(({ agent_id: agentId, since, until: end }) => {
      const subject = subjects.get(agentId);
      if (subject?.kind !== 'agent') return [];
      const at = holdsFrom(watchRule(row), { ...subject.watched, lastSeenAt: since });
      if (at === null || at < from || at >= (end ?? until)) return [];
      const holds = row.condition === null || evaluate(row.condition, conditionInput(subject, at)).kind === 'true';
      return holds ? [{ taskId: null, agentId, at: at.toISOString() }] : [];
    });
  }

  private async approvals(tx: Tx, row: RuleRow, { from, until }: Span, workspaceId: string): Promise<Found> {
    const waits = await this.store.approvals(tx, from, MAX_TASKS);
    const ids = waits.map(({ id }) => id);
    const subjects = await readSubjects(tx, workspaceId, ['approval'], ids);
    const items = waits.flatMap(({ id: approvalId, since, until: end }) => {
      const subject = subjects.get(approvalId);
      if (subject?.kind !== 'approval') return [];
      const at = holdsFrom(watchRule(row), { ...subject.watched, since, isPending: true });
      if (at === null || at < from || at >= (end ?? until)) return [];
      const holds = row.condition === null || evaluate(row.condition, conditionInput(subject, at)).kind === 'true';
      return holds ? [{ taskId: null, approvalId, at: at.toISOString() }] : [];
    });
    return { items, truncated: waits.length === MAX_TASKS };
  }

  private async budgets(tx: Tx, row: RuleRow, { from }: Span): Promise<WouldFireView[]> {
    const alerts = await this.store.alerts(tx, from, row.threshold ?? 0, MAX_SHOWN);
    return alerts
      .filter(({ agent_id, agent_name }) =>
        matches(row.match, { agent: [agent_id, agent_name].filter((value) => value !== null) }),
      )
      .map(({ budget_id: budgetId, at }) => ({ taskId: null, budgetId, at: at.toISOString() }));
  }
}

function groupedBy<T>(items: readonly T[], keyOf: (item: T) => string): Map<string, T[]> {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const group = groups.get(keyOf(item));
    if (group) group.push(item);
    else groups.set(keyOf(item), [item]);
  }
  return groups;
}

/** @param moves latest first; @param from what began before is counted from then */
function pastTask(now: WatchedTask, moves: PastMove[], attempts: PastAttempt[], from: Date): PastTask {
  const inOrder = moves.toReversed().filter(({ to }) => to !== null);
  const [first] = inOrder;
  const before = first?.from ? [{ at: from, to: first.from }] : [];
  return {
    now,
    moves: [...before, ...inOrder.map(({ time, to }) => ({ at: time, to }))],
    attempts: attempts
      .flatMap(({ started_at, ended_at, error, failed }) => [
        { at: started_at, error: null, failed: false },
        ...(ended_at === null ? [] : [{ at: ended_at, error: failed ? error : null, failed }]),
      ])
      .sort((a, b) => a.at.getTime() - b.at.getTime()),
  };
}

function isTrue(row: RuleRow, subject: Extract<Subject, { kind: 'task' }>, then: WatchedTask, at: Date): boolean {
  if (row.condition === null) return true;
  const task = {
    ...subject.facts.task,
    status: then.status,
    status_since: then.statusSince,
    last_error: then.lastError,
  };
  const facts = { ...subject.facts, task, failures: then.failures };
  return evaluate(row.condition, conditionInput({ ...subject, facts }, at)).kind === 'true';
}
