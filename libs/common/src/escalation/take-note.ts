import type { Tx } from '../db/database.js';
import { holdsFrom, looksAt, namesFinished, type SubjectKind, subjectsOf } from '../domain/escalation.js';
import type { RuleRow } from './escalation.row.js';
import { watchRule } from './rule.js';
import { agentFacts, approvalIdsAfter, budgetFacts, taskIdsAfter } from './subject.store.js';
import {
  enabledRules,
  type Mark,
  markFurther,
  type NewWatch,
  rulesByIds,
  setWatches,
  shareRules,
  takeMarks,
  unfinishedOrWatched,
  watchedSubjects,
  watchesOf,
} from './watch.store.js';
import { readSubjects } from './watched-subject.js';

const MARKS = 200;
/** Each of them is about as many subjects as there are. */
const MARKS_OF_RULES = 10;
const SUBJECTS_PER_RULE = 500;

/** Which rules are to be held against which subjects. */
interface Round {
  workspaceId: string;
  kinds: readonly SubjectKind[];
  rules: RuleRow[];
  subjectIds: string[];
}

/**
 * Reads what has been left word of, and writes when each rule has to be looked at for each of these subjects. Takes a
 * bounded number of marks; a transaction that fails leaves them for the next.
 *
 * @returns how many marks were taken
 */
export async function takeNote(tx: Tx): Promise<number> {
  await shareRules(tx);
  const marks = await takeMarks(tx, MARKS, MARKS_OF_RULES);
  if (marks.length === 0) return 0;
  const workspaceIds = [...new Set(marks.map((mark) => mark.workspace_id))];
  const rules = await enabledRules(tx, workspaceIds);
  // By their keys: two rounds may come to the same watch.
  const watches = new Map<string, NewWatch>();
  for (const workspaceId of workspaceIds) {
    const own = rules.filter((rule) => rule.workspace_id === workspaceId);
    const taken = marks.filter((mark) => mark.workspace_id === workspaceId);
    for (const round of await roundsOf(tx, workspaceId, own, taken)) {
      for (const watch of await watchesFor(tx, round)) watches.set(`${watch.rule_id} ${watch.subject_id}`, watch);
    }
  }
  // All at once, in their order: another process may be writing some of them.
  await setWatches(tx, [...watches.values()]);
  return marks.length;
}

async function roundsOf(tx: Tx, workspaceId: string, rules: RuleRow[], marks: Mark[]): Promise<Round[]> {
  const about = (kind: SubjectKind) => rules.filter((rule) => looksAt(rule.trigger, kind));
  const idsOf = (kind: Mark['kind']) => marks.filter((mark) => mark.kind === kind).map((mark) => mark.subject_id);
  const budgetRules = idsOf('budgets').length === 0 ? [] : about('budget');
  const rounds: Round[] = [
    { workspaceId, kinds: ['task'], rules: about('task'), subjectIds: idsOf('task') },
    { workspaceId, kinds: ['agent'], rules: about('agent'), subjectIds: idsOf('agent') },
    { workspaceId, kinds: ['approval'], rules: about('approval'), subjectIds: idsOf('approval') },
    {
      ...{ workspaceId, kinds: ['budget'], rules: budgetRules },
      subjectIds: budgetRules.length === 0 ? [] : [...(await budgetFacts(tx, workspaceId, null)).keys()],
    },
  ];
  for (const mark of marks.filter(({ kind }) => kind === 'rule')) rounds.push(...(await roundOfRule(tx, mark, rules)));
  return rounds;
}

/** One page of a rule's subjects, and a mark for the next page. */
async function roundOfRule(tx: Tx, mark: Mark, enabled: readonly RuleRow[]): Promise<Round[]> {
  const { workspace_id: workspaceId, subject_id: ruleId, after_id: afterId } = mark;
  const rule = enabled.find(({ id }) => id === ruleId);
  if (!rule) return roundOfDisabled(tx, workspaceId, ruleId);
  const kinds = subjectsOf(rule.trigger);
  const page = await pageOf(tx, workspaceId, kinds, afterId);
  const last = page.at(-1);
  if (page.length === SUBJECTS_PER_RULE && last !== undefined) await markFurther(tx, mark, last);
  // What the rule had its eye on and is no longer about, too.
  const watched = afterId === null ? await watchedSubjects(tx, workspaceId, ruleId) : [];
  const subjectIds = [...new Set([...page, ...watched.map((watch) => watch.subject_id)])];
  return [{ workspaceId, kinds, rules: [rule], subjectIds }];
}

async function roundOfDisabled(tx: Tx, workspaceId: string, ruleId: string): Promise<Round[]> {
  const [rule] = await rulesByIds(tx, workspaceId, [ruleId]);
  if (!rule) return [];
  const watched = await watchedSubjects(tx, workspaceId, ruleId);
  const subjectIds = watched.map((watch) => watch.subject_id);
  return [{ workspaceId, kinds: subjectsOf(rule.trigger), rules: [rule], subjectIds }];
}

/** The next of all these kinds, in order of their ids. */
async function pageOf(
  tx: Tx,
  workspaceId: string,
  kinds: readonly SubjectKind[],
  after: string | null,
): Promise<string[]> {
  const pages: string[] = [];
  for (const kind of kinds) pages.push(...(await pageOfKind(tx, workspaceId, kind, after)));
  return pages.sort().slice(0, SUBJECTS_PER_RULE);
}

async function pageOfKind(tx: Tx, workspaceId: string, kind: SubjectKind, after: string | null): Promise<string[]> {
  switch (kind) {
    case 'task':
      return taskIdsAfter(tx, workspaceId, after, SUBJECTS_PER_RULE);
    case 'agent':
      return [...(await agentFacts(tx, null, after, SUBJECTS_PER_RULE)).keys()];
    case 'budget':
      return [...(await budgetFacts(tx, workspaceId, null)).keys()].slice(0, SUBJECTS_PER_RULE - 1);
    case 'approval':
      return approvalIdsAfter(tx, workspaceId, after, SUBJECTS_PER_RULE);
  }
}

/** Where a rule holds, or will; and where it no longer does and has been watching. */
async function watchesFor(tx: Tx, round: Round): Promise<NewWatch[]> {
  const { workspaceId, kinds, rules } = round;
  if (rules.length === 0 || round.subjectIds.length === 0) return [];
  // Most tasks are over before anybody looks.
  const isAboutAll = kinds.some((kind) => kind !== 'task') || rules.some(({ match }) => namesFinished(match));
  const subjectIds = isAboutAll ? round.subjectIds : await unfinishedOrWatched(tx, workspaceId, round.subjectIds);
  if (subjectIds.length === 0) return [];
  const subjects = await readSubjects(tx, workspaceId, kinds, subjectIds);
  const present = new Set(
    (await watchesOf(tx, workspaceId, subjectIds)).map((watch) => `${watch.rule_id} ${watch.subject_id}`),
  );
  return rules.flatMap((row) => {
    const rule = watchRule(row);
    return subjectIds.flatMap((subjectId) => {
      const subject = subjects.get(subjectId);
      const dueAt = subject && row.enabled ? holdsFrom(rule, subject.watched) : null;
      if (dueAt === null && !present.has(`${row.id} ${subjectId}`)) return [];
      return [{ workspace_id: workspaceId, rule_id: row.id, subject_id: subjectId, due_at: dueAt }];
    });
  });
}
