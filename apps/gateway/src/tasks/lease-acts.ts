import { Inject, Injectable, type OnApplicationShutdown } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { BatchedCommitter } from '@houston/common/db/group-commit.js';
import { isDataFault } from '@houston/common/db/postgres-error.js';
import type { TaskMove } from '@houston/common/tasks/task-move.js';
import { moveTasks, shareEdges } from '@houston/common/tasks/task-moves.store.js';
import type { TaskRow } from '@houston/common/tasks/task.row.js';
import { TaskStore } from './task.store.js';
import type { TaskWithEdges } from './task.view.js';
import { LeaseStore, type Presented } from './lease.store.js';
import type { Judged } from './work.store.js';

const COMMON = {
  maxBatch: 64,
  maxBacklog: 10_000,
  conflictKey: ({ bearer, taskId }: Presented) => `${bearer.workspaceId} ${taskId}`,
  isIsolated: isDataFault,
};

/** The word of a lease's holder that ends it, and what that makes of the task. */
export interface LeaseAct extends Presented {
  /** What it throws is the answer to this act alone. */
  decide: (task: TaskRow, tx: Tx) => TaskMove | Promise<TaskMove>;
}

export type LeaseActed = { verdict: 'moved'; task: TaskWithEdges } | Exclude<Judged, { verdict: 'held' }>;

/** On its way. */
type Decided = { kind: 'moves'; move: TaskMove };

type Outcome = { kind: 'acted'; acted: LeaseActed } | { kind: 'threw'; error: unknown };

/**
 * Takes the words of leases' holders, those that arrive together in one transaction: a fleet that finishes a hundred tasks at
 * once pays for one commit.
 */
@Injectable()
export class LeaseActs implements OnApplicationShutdown {
  private readonly endings = new BatchedCommitter<LeaseAct, Outcome>({ ...COMMON, run: (acts) => this.endAll(acts) });
  private readonly acknowledgements = new BatchedCommitter<Presented, Judged>({
    ...COMMON,
    run: (presented) => byOrganization(presented, (id, own) => this.leases.acknowledge(id, own)),
  });

  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(LeaseStore) private readonly leases: LeaseStore,
    @Inject(TaskStore) private readonly tasks: TaskStore,
  ) {}

  /** Ends the lease and moves the task. For what only looks at the task to decide. @throws what `decide` throws */
  async end(act: LeaseAct): Promise<LeaseActed> {
    return answered(await this.endings.commit(act));
  }

  /** As `end`, in a transaction of its own, for what locks or writes more than the task. */
  async endAlone(act: LeaseAct): Promise<LeaseActed> {
    const [outcome] = await this.endAll([act]);
    if (!outcome) throw new Error('The act was not answered');
    return answered(outcome);
  }

  /** Takes an offer up. */
  acknowledge(presented: Presented): Promise<Judged> {
    return this.acknowledgements.commit(presented);
  }

  async onApplicationShutdown(): Promise<void> {
    await Promise.all([this.endings.close(), this.acknowledgements.close()]);
  }

  private endAll(acts: LeaseAct[]): Promise<Outcome[]> {
    return byOrganization(acts, (id, own) => this.db.inOrganization(id, (tx) => this.endIn(tx, own)));
  }

  private async endIn(tx: Tx, acts: readonly LeaseAct[]): Promise<Outcome[]> {
    const workspaces = [...new Set(acts.map(({ bearer }) => bearer.workspaceId))].sort();
    for (const workspaceId of workspaces) await shareEdges(tx, workspaceId);
    const judged = await this.leases.judge(tx, acts);
    const decided: (Outcome | Decided)[] = [];
    for (const [n, act] of acts.entries()) decided.push(await decide(tx, act, judged[n]!));
    const moves = decided.flatMap((one) => (one.kind === 'moves' ? [one.move] : []));
    await moveTasks(tx, moves.sort(byPlace));
    const rows = new Map<string, TaskWithEdges>();
    for (const workspaceId of workspaces) {
      const ids = moves.flatMap((move) => (move.workspace_id === workspaceId ? [move.id] : []));
      for (const row of await this.tasks.readAll(tx, workspaceId, ids)) rows.set(row.id, row);
    }
    return decided.map((one, n) => {
      if (one.kind !== 'moves') return one;
      const task = rows.get(acts[n]!.taskId);
      if (!task) throw new Error(`Task ${acts[n]!.taskId} vanished`);
      return { kind: 'acted', acted: { verdict: 'moved', task } };
    });
  }
}

async function decide(tx: Tx, act: LeaseAct, judged: Judged): Promise<Outcome | Decided> {
  if (judged.verdict !== 'held') return { kind: 'acted', acted: judged };
  try {
    return { kind: 'moves', move: await act.decide(judged.task, tx) };
  } catch (error) {
    return { kind: 'threw', error };
  }
}

function answered(outcome: Outcome): LeaseActed {
  if (outcome.kind === 'threw') throw outcome.error;
  return outcome.acted;
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
