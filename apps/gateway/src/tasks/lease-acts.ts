import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { BatchedCommitter } from '@houston/common/db/group-commit.js';
import { isDataFault } from '@houston/common/db/postgres-error.js';
import type { TaskStatus } from '@houston/common/domain/task-states.js';
import type { TaskMove } from '@houston/common/tasks/task-move.js';
import { moveTasks, shareEdges } from '@houston/common/tasks/task-moves.store.js';
import { type Acknowledged, type Held, LeaseStore, type Presented } from './lease.store.js';
import { joinedWords, type LeaseAct, type Word } from './lease-words.js';
import { TaskStore } from './task.store.js';
import type { TaskWithEdges } from './task.view.js';
import type { Unheld } from './work.store.js';

/** A task after a move; the row where it was asked for. */
export interface Moved {
  id: string;
  status: TaskStatus;
  row: TaskWithEdges | null;
}

export type LeaseActed = { verdict: 'moved'; moved: Moved } | Unheld;

/** On its way. */
type Decided = { kind: 'moves'; move: TaskMove };

type Outcome = { kind: 'acted'; acted: LeaseActed } | { kind: 'threw'; error: unknown };

type Answer = Outcome | { kind: 'acknowledged'; acknowledged: Acknowledged };

/**
 * Takes the words of leases' holders, those that arrive together in one transaction: a fleet that finishes a hundred tasks at
 * once pays for one commit. Whoever takes an offer up and finishes it in the same moment has one write for both.
 */
@Injectable()
export class LeaseActs implements OnApplicationShutdown {
  private readonly words = new BatchedCommitter<Word, Answer>({
    maxBatch: 64,
    maxBacklog: 10_000,
    // An acknowledgement may go with the end that follows it.
    conflictKey: (word) => (word.decide === null ? null : keyOf(word)),
    isIsolated: isDataFault,
    run: (words) => byOrganization(words, (id, own) => this.hear(id, own)),
  });

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(LeaseStore) private readonly leases: LeaseStore,
    @Inject(TaskStore) private readonly tasks: TaskStore,
  ) {}

  /** Ends the lease and moves the task. For what only looks at the task to decide. @throws what `decide` throws */
  async end(act: LeaseAct): Promise<LeaseActed> {
    return ended(await this.words.commit(act));
  }

  /** As `end`, in a transaction of its own, for what locks or writes more than the task. */
  async endAlone(act: LeaseAct): Promise<LeaseActed> {
    const [outcome] = await byOrganization([act], (id, own) => this.endAll(id, own, new Set()));
    return ended(outcome);
  }

  /** Takes an offer up. */
  async acknowledge(presented: Presented): Promise<Acknowledged> {
    const answer = await this.words.commit({ ...presented, decide: null });
    if (answer.kind !== 'acknowledged') throw new Error('The acknowledgement was not answered');
    return answer.acknowledged;
  }

  async onApplicationShutdown(): Promise<void> {
    await this.words.close();
  }

  /** Acknowledgements first: an end in the same breath has heard them. Those of one task are one write. */
  private async hear(organizationId: string, words: readonly Word[]): Promise<Answer[]> {
    const { alone, joined, acts } = joinedWords(words);
    const answers = new Map<Presented, Answer>();
    await this.acknowledgeAll(organizationId, alone, answers);
    const outcomes = await this.endAll(organizationId, acts, new Set(joined.map(({ act }) => act)));
    acts.forEach((act, n) => answers.set(act, outcomes[n]!));
    const isMoved = (answer: Answer | undefined) => answer?.kind === 'acted' && answer.acted.verdict === 'moved';
    for (const { acknowledgement, act } of joined) {
      if (isMoved(answers.get(act)))
        answers.set(acknowledgement, { kind: 'acknowledged', acknowledged: { verdict: 'held' } });
    }
    // What came to no end is taken up all the same.
    const left = joined.filter(({ act }) => !isMoved(answers.get(act)));
    await this.acknowledgeAll(
      organizationId,
      left.map(({ acknowledgement }) => acknowledgement),
      answers,
    );
    return words.map((word) => answers.get(word)!);
  }

  private async acknowledgeAll(
    organizationId: string,
    acknowledgements: readonly Presented[],
    answers: Map<Presented, Answer>,
  ): Promise<void> {
    if (acknowledgements.length === 0) return;
    const found = await this.leases.acknowledge(organizationId, acknowledgements);
    acknowledgements.forEach((one, n) => answers.set(one, { kind: 'acknowledged', acknowledged: found[n]! }));
  }

  /** @param takenUp acts whose offers are taken up by the same breath */
  private async endAll(
    organizationId: string,
    acts: readonly LeaseAct[],
    takenUp: ReadonlySet<LeaseAct>,
  ): Promise<Outcome[]> {
    if (acts.length === 0) return [];
    return this.db.inOrganization(organizationId, (tx) => this.endIn(tx, acts, takenUp));
  }

  private async endIn(tx: Tx, acts: readonly LeaseAct[], takenUp: ReadonlySet<LeaseAct>): Promise<Outcome[]> {
    const workspaces = [...new Set(acts.map(({ bearer }) => bearer.workspaceId))].sort();
    for (const workspaceId of workspaces) await shareEdges(tx, workspaceId);
    const judged = await this.leases.judge(tx, acts);
    const decided: (Outcome | Decided)[] = [];
    for (const [n, act] of acts.entries()) decided.push(await decide(tx, act, judged[n]!, takenUp.has(act)));
    const moves = decided.flatMap((one) => (one.kind === 'moves' ? [one.move] : []));
    await moveTasks(tx, moves.sort(byPlace));
    const rows = await this.rowsOf(
      tx,
      acts.filter((act, n) => act.isRowWanted && decided[n]!.kind === 'moves'),
    );
    return decided.map((one, n) => {
      if (one.kind !== 'moves') return one;
      const { taskId: id } = acts[n]!;
      return {
        kind: 'acted',
        acted: { verdict: 'moved', moved: { id, status: one.move.to, row: rows.get(id) ?? null } },
      };
    });
  }

  private async rowsOf(tx: Tx, acts: readonly LeaseAct[]): Promise<Map<string, TaskWithEdges>> {
    const rows = new Map<string, TaskWithEdges>();
    for (const workspaceId of new Set(acts.map(({ bearer }) => bearer.workspaceId))) {
      const ids = acts.filter(({ bearer }) => bearer.workspaceId === workspaceId).map(({ taskId }) => taskId);
      for (const row of await this.tasks.readAll(tx, workspaceId, ids)) rows.set(row.id, row);
    }
    return rows;
  }
}

async function decide(tx: Tx, act: LeaseAct, judged: Held, isTakenUp: boolean): Promise<Outcome | Decided> {
  if (judged.verdict !== 'held') return { kind: 'acted', acted: judged };
  try {
    const move = await act.decide(judged.task, tx);
    return { kind: 'moves', move: isTakenUp && judged.task.status === 'assigned' ? { ...move, taken_up: true } : move };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function ended(answer: Answer | undefined): LeaseActed {
  if (answer?.kind === 'acted') return answer.acted;
  throw answer?.kind === 'threw' ? answer.error : new Error('The act was not answered');
}

function keyOf({ bearer, taskId }: Presented): string {
  return `${bearer.workspaceId} ${taskId}`;
}

/** One transaction per organization; a batch of several organizations is rare. */
async function byOrganization<Act extends Presented, Answer>(
  acts: readonly Act[],
  run: (organizationId: string, own: readonly Act[]) => Promise<Answer[]>,
): Promise<Answer[]> {
  const answers = new Map<Act, Answer>();
  for (const organizationId of new Set(acts.map(({ bearer }) => bearer.organizationId))) {
    const own = acts.filter(({ bearer }) => bearer.organizationId === organizationId);
    const found = await run(organizationId, own);
    own.forEach((act, n) => answers.set(act, found[n]!));
  }
  return acts.map((act) => answers.get(act)!);
}

/** The order in which everybody locks tasks. */
function byPlace(a: TaskMove, b: TaskMove): number {
  const [one, other] = [`${a.workspace_id} ${a.id}`, `${b.workspace_id} ${b.id}`];
  return one < other ? -1 : Number(one > other);
}
