import { Inject, Injectable, Logger, type OnApplicationBootstrap } from '@nestjs/common';
import { type Standing, standingOf } from '@houston/common/domain/ranking.js';
import { Signals } from '../signals/signals.js';
import type { Session } from './session.js';
import { type KnownAgent, WorthStore } from './worth.store.js';

/** What is known of an agent that is given work is read anew after this. */
const FRESH_MS = 30_000;
/** Agents whose scores differ by less take turns. */
const AS_GOOD = 0.01;
const TOP_LEVEL = 5;

interface Known {
  standings: Map<string, Standing & { readAtMs: number }>;
  reading: Promise<void> | null;
}

const NOTHING_KNOWN: Standing = { base: 0, room: 1 };

/**
 * What connected agents are worth by the strategy of their workspace: whom to ask first. Read when an agent comes or is changed,
 * and now and then while it is given work, never for a single task; what a task asks for beyond being able to do it is left out.
 */
@Injectable()
export class Worth implements OnApplicationBootstrap {
  private readonly logger = new Logger('agent sockets');
  private readonly byWorkspace = new Map<string, Known>();

  constructor(
    @Inject(WorthStore) private readonly store: WorthStore,
    @Inject(Signals) private readonly signals: Signals,
  ) {}

  onApplicationBootstrap(): void {
    this.signals.on('strategyChanged', (id) => (id === null ? this.byWorkspace.clear() : this.forget(id)));
    this.signals.on('agentChanged', (id) => (id === null ? this.byWorkspace.clear() : this.forgetAgent(id)));
  }

  forget(workspaceId: string): void {
    this.byWorkspace.delete(workspaceId);
  }

  /** Sees to it that these sessions of one workspace can be compared. Waits only for what is not known at all. */
  async know(sessions: readonly Session[]): Promise<void> {
    if (sessions.length < 2) return;
    const { workspaceId } = sessions[0]!.caller;
    const known = this.byWorkspace.get(workspaceId) ?? { standings: new Map(), reading: null };
    this.byWorkspace.set(workspaceId, known);
    const unknown = sessions.filter(({ agent }) => !known.standings.has(agent.id));
    const wanted = [...unknown, ...sessions.filter((session) => isOld(session, known))];
    if (wanted.length === 0) return;
    known.reading ??= this.read(known, wanted).finally(() => (known.reading = null));
    if (unknown.length > 0) await known.reading;
  }

  /** The best first; among those that are as good, whoever has less to do, then whoever has waited longer. */
  sorted<T extends { session: Session }>(items: readonly T[]): T[] {
    return items
      .map((item) => ({ item, session: item.session, score: this.scoreOf(item.session) }))
      .sort(
        ({ score: a, session: one }, { score: b, session: other }) =>
          b - a || one.heldCount - other.heldCount || one.lastOfferedAtMs - other.lastOfferedAtMs,
      )
      .map(({ item }) => item);
  }

  private scoreOf(session: Session): number {
    const known = this.byWorkspace.get(session.caller.workspaceId);
    const { base, room } = known?.standings.get(session.agent.id) ?? NOTHING_KNOWN;
    return Math.round((base + room * session.freeShare) / AS_GOOD);
  }

  private forgetAgent(id: string): void {
    for (const { standings, reading } of this.byWorkspace.values()) {
      standings.delete(id);
      // What is being read may have been written before.
      void reading?.then(() => standings.delete(id));
    }
  }

  /** Never rejects: without it everybody is as good as everybody else. */
  private async read({ standings }: Known, sessions: readonly Session[]): Promise<void> {
    const ids = [...new Set(sessions.map(({ agent }) => agent.id))];
    const readAtMs = performance.now();
    try {
      const { strategy, agents } = await this.store.read(sessions[0]!.caller, ids);
      for (const id of ids) standings.set(id, { ...NOTHING_KNOWN, readAtMs });
      for (const agent of agents) {
        standings.set(agent.id, { ...standingOf({ ...agent, surplus: surplusOf(agent) }, strategy), readAtMs });
      }
    } catch (error) {
      this.logger.warn({ msg: 'cannot read what agents are worth', err: error });
    }
  }
}

/** Whoever has been given nothing since fares as before. */
function isOld({ agent, lastOfferedAtMs }: Session, { standings }: Known): boolean {
  const { readAtMs = Infinity } = standings.get(agent.id) ?? {};
  return lastOfferedAtMs > readAtMs && performance.now() - readAtMs > FRESH_MS;
}

/** By how many levels its capabilities exceed the least, on average. */
function surplusOf({ capabilities }: KnownAgent): number {
  if (capabilities.length === 0) return 0;
  return capabilities.reduce((sum, { level = TOP_LEVEL }) => sum + level - 1, 0) / capabilities.length;
}
