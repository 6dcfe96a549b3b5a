import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { type Cadence, nextTicks } from '@houston/common/schedules/cadence.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { notFound, Problem } from '../http/problem.js';
import { timeParam } from '../http/time-param.js';
import { requireTier } from '../tasks/task-fields.js';
import { cadenceOf, requireCadence } from './cadence-of.js';
import type { CreateScheduleDto, PreviewDto, TargetDto, TaskTargetDto, UpdateScheduleDto } from './schedule.dto.js';
import type { ScheduleRow, TickRow } from './schedule.row.js';
import { type ScheduleColumns, ScheduleStore, type TickFilter } from './schedule.store.js';
import {
  type FoundAgent,
  heartbeatTarget,
  standupTarget,
  type TargetColumns,
  targetOf,
  taskTarget,
  workflowTarget,
} from './target.js';

const MS_PER_MINUTE = 60_000;
const MAX_OFFSETS = 60;

type History = { rows: (TickRow & { sort_key: string })[]; costNano: bigint };

/** What people do to schedules. What the clock does to them is the scheduler's. */
@Injectable()
export class ScheduleService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(ScheduleStore) private readonly store: ScheduleStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  list(caller: Caller, after: readonly string[] | null, limit: number): Promise<ScheduleRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, after, limit));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<ScheduleRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, id));
  }

  /** @throws Problem invalid_values, unknown_agent */
  async create(caller: Caller, body: CreateScheduleDto, { id }: CreationId): Promise<ScheduleRow> {
    const target = await this.resolve(caller, body.target);
    const { name, cron = null, everySeconds = null, timezone = caller.workspace.timezone } = body;
    const { catchUp = 'none', overlap = 'skip', jitterSeconds = 0, enabled = true } = body;
    return this.db.inWorkspace(caller, async (tx) => {
      const now = await this.store.now(tx);
      const cadence: Cadence = { cron, everySeconds, timezone, anchorAt: now, offsetMinutes: 0 };
      requireCadence(cadence, now);
      const offset = await this.offsetOf(tx, cadence, body.target, now);
      const columns: ScheduleColumns = {
        ...{ id, name, cron, every_seconds: everySeconds, timezone, anchor_at: now, offset_minutes: offset, ...target },
        ...{ catch_up: catchUp, overlap, jitter_seconds: jitterSeconds, enabled },
        next_tick_at: null,
      };
      if (await this.store.insert(tx, due(columns, now), caller.actor)) {
        await this.tell(tx, caller, 'schedule.created', id, name, {
          cron,
          everySeconds,
          timezone,
          target: columns.target,
        });
      }
      return this.present(tx, id);
    });
  }

  /** @throws Problem not_found, precondition_failed, invalid_values, unknown_agent */
  async update(caller: Caller, id: string, body: UpdateScheduleDto, ifMatch: string | undefined): Promise<ScheduleRow> {
    const target = body.target === undefined ? {} : await this.resolve(caller, body.target);
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, id);
      requireMatch(ifMatch, before.version);
      const changed = { ...before, ...patchOf(before, body), ...target };
      if (isNewCadence(before, changed)) changed.anchor_at = before.now;
      requireCadence(cadenceOf(changed), before.now);
      const moved = changed.enabled !== before.enabled || isNewCadence(before, changed);
      const row = await this.store.update(tx, moved ? due(changed, before.now) : changed);
      await this.tell(tx, caller, 'schedule.updated', id, row.name, { changed: Object.keys(body) });
      return row;
    });
  }

  /** Ticks that have not been run yet are dropped with it; tasks that it made go on. @throws Problem not_found, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      const { name, version } = await this.locked(tx, id);
      requireMatch(ifMatch, version);
      await this.store.remove(tx, id);
      await this.tell(tx, caller, 'schedule.deleted', id, name, {});
    });
  }

  /** No tick comes until it is resumed, and none of that time is made up for. @throws Problem not_found */
  pause(caller: Caller, id: string): Promise<ScheduleRow> {
    return this.enable(caller, id, false, 'schedule.paused');
  }

  /** The next tick is the next by the clock. @throws Problem not_found */
  resume(caller: Caller, id: string): Promise<ScheduleRow> {
    return this.enable(caller, id, true, 'schedule.resumed');
  }

  /** @throws Problem not_found */
  run(caller: Caller, id: string, { id: tickId }: CreationId): Promise<TickRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.locked(tx, id);
      return this.store.run(tx, id, tickId);
    });
  }

  /** @throws Problem not_found */
  history(caller: Caller, id: string, filter: TickFilter): Promise<History> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.present(tx, id);
      return { rows: await this.store.ticks(tx, id, filter), costNano: await this.store.costNano(tx, id) };
    });
  }

  /** @throws Problem invalid_values */
  async preview(caller: Caller, body: PreviewDto): Promise<Date[]> {
    const { cron = null, everySeconds = null, timezone = caller.workspace.timezone, count } = body;
    const from =
      body.from === undefined
        ? await this.db.inWorkspace(caller, (tx) => this.store.now(tx))
        : timeParam('from', body.from, timezone).toJSDate();
    const cadence: Cadence = { cron, everySeconds, timezone, anchorAt: from, offsetMinutes: 0 };
    requireCadence(cadence, from);
    return nextTicks(cadence, from, count);
  }

  private enable(caller: Caller, id: string, enabled: boolean, type: string): Promise<ScheduleRow> {
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, id);
      if (before.enabled === enabled) return before;
      const row = await this.store.update(tx, due({ ...before, enabled }, before.now));
      await this.tell(tx, caller, type, id, row.name, {});
      return row;
    });
  }

  private async resolve(caller: Caller, dto: TargetDto): Promise<TargetColumns> {
    const target = targetOf(dto);
    switch (target.kind) {
      case 'standup':
        return standupTarget();
      case 'heartbeat':
        return heartbeatTarget(
          target.heartbeat,
          await this.agent(caller, target.heartbeat.agent, 'target.heartbeat.agent'),
        );
      case 'task':
        return taskTarget(target.task, await this.assignee(caller, target.task, 'target.task.'));
      case 'workflow': {
        const assignees: (FoundAgent | null)[] = [];
        for (const [n, task] of target.workflow.tasks.entries()) {
          assignees.push(await this.assignee(caller, task, `target.workflow.tasks[${n}].`));
        }
        return workflowTarget(target.workflow, assignees);
      }
    }
  }

  private async assignee(caller: Caller, task: TaskTargetDto, at: string): Promise<FoundAgent | null> {
    requireTier(caller.workspace.settings, task, at);
    return task.assignee ? this.agent(caller, task.assignee, `${at}assignee`) : null;
  }

  private async agent(caller: Caller, name: string, path: string): Promise<FoundAgent> {
    const agent = await this.agents.find(caller.organizationId, name);
    if (agent) return agent;
    throw new Problem('unknown_agent', {
      detail: `No agent is called ${name}.`,
      errors: [{ path, message: 'Name an agent of this organization.' }],
    });
  }

  /** Heartbeats that come at the same times take turns, a minute apart, as far as the time between two ticks goes. */
  private async offsetOf(tx: Tx, cadence: Cadence, { heartbeat }: TargetDto, now: Date): Promise<number> {
    if (!heartbeat) return 0;
    if (heartbeat.offsetMinutes !== undefined) return heartbeat.offsetMinutes;
    const ticks = nextTicks(cadence, now, 3).map((tick) => tick.getTime());
    const shortest = Math.min(...ticks.slice(1).map((tick, i) => tick - ticks[i]!));
    const room = Math.min(MAX_OFFSETS, Math.floor(shortest / MS_PER_MINUTE));
    return room > 1 ? (await this.store.heartbeatsLike(tx, cadence)) % room : 0;
  }

  private async present(tx: Tx, id: string): Promise<ScheduleRow> {
    const row = await this.store.find(tx, id);
    if (!row) throw notFound();
    return row;
  }

  private async locked(tx: Tx, id: string): Promise<ScheduleRow> {
    const row = await this.store.lock(tx, id);
    if (!row) throw notFound();
    return row;
  }

  private async tell(tx: Tx, caller: Caller, type: string, id: string, name: string, data: Record<string, unknown>) {
    await appendEvent(tx, {
      ...{ type, actor: caller.actor, subject: `schedule:${id}` },
      data: { scheduleId: id, name, ...data },
    });
  }
}

/** With the time at which it is due next, if it is. */
function due(columns: ScheduleColumns, now: Date): ScheduleColumns {
  const [next = null] = columns.enabled ? nextTicks(cadenceOf(columns), now, 1) : [];
  return { ...columns, next_tick_at: next };
}

function patchOf(before: ScheduleRow, body: UpdateScheduleDto): Partial<ScheduleColumns> {
  const { name, timezone, catchUp, overlap, jitterSeconds, enabled } = body;
  const cadence =
    body.cron === undefined && body.everySeconds === undefined
      ? { cron: before.cron, every_seconds: before.every_seconds }
      : { cron: body.cron ?? null, every_seconds: body.everySeconds ?? null };
  return {
    ...cadence,
    name: name ?? before.name,
    timezone: timezone ?? before.timezone,
    catch_up: catchUp ?? before.catch_up,
    overlap: overlap ?? before.overlap,
    jitter_seconds: jitterSeconds ?? before.jitter_seconds,
    enabled: enabled ?? before.enabled,
    offset_minutes: offsetAfter(before, body),
  };
}

function isNewCadence(before: ScheduleColumns, after: ScheduleColumns): boolean {
  return (
    before.cron !== after.cron ||
    before.every_seconds !== after.every_seconds ||
    before.timezone !== after.timezone ||
    before.offset_minutes !== after.offset_minutes
  );
}

/** A heartbeat keeps its turn, unless it is given another; nothing else has one. */
function offsetAfter(before: ScheduleRow, { target }: UpdateScheduleDto): number {
  if (target === undefined) return before.offset_minutes;
  if (!target.heartbeat) return 0;
  return target.heartbeat.offsetMinutes ?? before.offset_minutes;
}
