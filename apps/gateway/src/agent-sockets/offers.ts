import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import type { WorkspaceScope } from '@houston/common/db/database.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import { Problem } from '../http/problem.js';
import { Signals } from '../signals/signals.js';
import { ClaimService } from '../tasks/claim.service.js';
import { agentIdsOf, leaseView, taskView, type TaskWithEdges } from '../tasks/task.view.js';
import type { LeaseDto } from '../tasks/work.dto.js';
import { WorkService } from '../tasks/work.service.js';
import { OfferStore } from './offer.store.js';
import type { Session } from './session.js';
import { Worth } from './worth.js';

/** Tasks handed out in one transaction, at the most. */
const MAX_BATCH = 64;
/** Agents that are looked at for them. */
const MAX_LOOKED_AT = 256;
/** An agent that gets nothing for reasons of its own (limit, hours, quota) is asked for again after this. */
const REST_MS = 1_000;

/** A session, and how many tasks it can take. */
interface Candidate {
  session: Session;
  places: number;
}

/**
 * Offers tasks to connected agents. When tasks become free, as many as there are go to the first agents that are able to do
 * them: a single task costs one look, and a thousand are handed out in batches. The best agents by the strategy of the
 * workspace come first, among those that are as good the one with the least to do, then the one that has waited longest; where
 * more tasks wait than agents, each gets several at once. Rounds of one workspace follow each other; signals that arrive
 * meanwhile make one more.
 */
@Injectable()
export class Offers implements OnApplicationBootstrap {
  private readonly logger = new Logger(Offers.name);
  private readonly byWorkspace = new Map<string, Set<Session>>();
  private readonly running = new Map<string, Promise<void>>();
  private readonly isDirty = new Set<string>();
  private isStopped = false;

  constructor(
    @Inject(OfferStore) private readonly store: OfferStore,
    @Inject(Signals) private readonly signals: Signals,
    @Inject(ClaimService) private readonly claims: ClaimService,
    @Inject(WorkService) private readonly work: WorkService,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(Worth) private readonly worth: Worth,
  ) {}

  onApplicationBootstrap(): void {
    this.signals.on('taskReady', (workspaceId) => this.wake(workspaceId));
  }

  add(session: Session): void {
    const { workspaceId } = session.caller;
    const sessions = this.byWorkspace.get(workspaceId) ?? new Set();
    this.byWorkspace.set(workspaceId, sessions.add(session));
    this.wake(workspaceId);
  }

  remove(session: Session): void {
    const { workspaceId } = session.caller;
    const sessions = this.byWorkspace.get(workspaceId);
    sessions?.delete(session);
    if (sessions?.size !== 0) return;
    this.byWorkspace.delete(workspaceId);
    this.worth.forget(workspaceId);
  }

  /** Something may be taken, or somebody may take something. @param workspaceId null: anywhere */
  wake(workspaceId: string | null): void {
    if (workspaceId === null) return [...this.byWorkspace.keys()].forEach((id) => this.wake(id));
    if (this.isStopped || !this.byWorkspace.has(workspaceId)) return;
    if (this.running.has(workspaceId)) return void this.isDirty.add(workspaceId);
    const round = this.rounds(workspaceId)
      .catch((error: unknown) => this.logger.error(error))
      .finally(() => this.running.delete(workspaceId));
    this.running.set(workspaceId, round);
  }

  /** Offers nothing more; resolves when what is being offered is on its way. */
  async stop(): Promise<void> {
    this.isStopped = true;
    await Promise.all(this.running.values());
  }

  /** Gives an offer back that its agent cannot take up. */
  async takeBack(session: Session, taskId: string, lease: LeaseDto): Promise<void> {
    try {
      await this.work.release(session.caller, taskId, { lease, reason: 'It did not reach the agent.' });
    } catch (error) {
      if (error instanceof Problem && error.code === 'lease_lost') return;
      // It comes back by itself when nobody has acknowledged it in time.
      this.logger.warn({ msg: 'an offer could not be taken back at once', taskId, err: error });
    }
  }

  private async rounds(workspaceId: string): Promise<void> {
    do {
      this.isDirty.delete(workspaceId);
      await this.round(workspaceId);
    } while (this.isDirty.has(workspaceId) && !this.isStopped);
  }

  private async round(workspaceId: string): Promise<void> {
    const passed = new Set<Session>();
    while (!this.isStopped) {
      const chosen = await this.choose(workspaceId, passed);
      if (chosen.length === 0 || !(await this.offer(chosen, passed))) return;
    }
  }

  private async choose(workspaceId: string, passed: ReadonlySet<Session>): Promise<Candidate[]> {
    const nowMs = performance.now();
    const open = [...(this.byWorkspace.get(workspaceId) ?? [])]
      .filter((session) => !passed.has(session))
      .map((session) => ({ session, places: session.places(nowMs) }))
      .filter(({ places }) => places > 0);
    await this.worth.know(open.map(({ session }) => session));
    return this.worth.sorted(open).slice(0, MAX_LOOKED_AT);
  }

  /** @returns false when there is nothing left to take for anybody */
  private async offer(chosen: Candidate[], passed: Set<Session>): Promise<boolean> {
    const scope: WorkspaceScope = chosen[0]!.session.caller;
    const offers = chosen.map(({ session: { agent, caller, capabilities }, places }) => ({
      agent: agent.id,
      actor: caller.actor,
      places,
      capabilities,
    }));
    let isMore = true;
    for (const row of await this.store.offer(scope, offers, MAX_BATCH)) {
      const { session } = chosen[row.n - 1]!;
      if (row.verdict === 'claimed') {
        void this.hand(session, row.task);
        continue;
      }
      passed.add(session);
      if (row.verdict !== 'none') session.rest(REST_MS);
      if (row.idle) isMore = false;
    }
    return isMore;
  }

  /** The task is on lease to the agent; from here on it is either told so, or the task goes back. */
  private async hand(session: Session, task: TaskWithEdges): Promise<void> {
    const lease = leaseView(task);
    session.offered(task.id, lease);
    try {
      const funded = await this.claims.fund(session.caller, session.agent, task);
      if (!funded) return void session.ended(task.id);
      const names = await this.agents.names(session.caller.organizationId, agentIdsOf([funded]));
      if (session.socket.send({ type: 'task', task: taskView(funded, names), lease })) return;
      // Unless whoever ended the session has done it.
      if (session.ended(task.id)) await this.takeBack(session, task.id, lease);
    } catch (error) {
      this.logger.error({ msg: 'a task could not be handed to its agent', taskId: task.id, err: error });
      session.ended(task.id);
      await this.takeBack(session, task.id, lease);
    }
  }
}
