import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { Database, type Tx } from '@houston/common/db/database.js';
import { isTerminal } from '@houston/common/domain/task-states.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { columnsOf, requireTier } from './task-fields.js';
import type { CreateTaskDto, UpdateTaskDto } from './task.dto.js';
import { TaskStore } from './task.store.js';
import type { TaskWithEdges } from './task.view.js';

interface NewTask {
  id: string;
  columns: Record<string, unknown>;
  dependsOn: string[];
  /** Where it stands in the request: '' or `items[3].`. */
  at: string;
}

/** Making and changing tasks. */
@Injectable()
export class TaskService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TaskStore) private readonly store: TaskStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  /** @throws Problem unknown_agent, invalid_values */
  async create(caller: Caller, body: CreateTaskDto, { id }: CreationId): Promise<TaskWithEdges> {
    const [task] = await this.write(caller, [await this.prepare(caller, body, id, '')]);
    if (!task) throw new Error(`Task ${id} was not written`);
    return task;
  }

  /** All or none. The first takes the request's id, so that a repetition is noticed. */
  async createAll(caller: Caller, bodies: CreateTaskDto[], first: CreationId): Promise<TaskWithEdges[]> {
    if (first.mayExist) {
      const earlier = await this.store.find(caller, first.id);
      if (earlier)
        throw new Problem('conflict', { detail: 'An earlier attempt of this request made the tasks already.' });
    }
    const tasks: NewTask[] = [];
    for (const [index, body] of bodies.entries()) {
      tasks.push(await this.prepare(caller, body, index === 0 ? first.id : newId(), `items[${index}].`));
    }
    return this.write(caller, tasks);
  }

  /** @throws Problem not_found, precondition_failed, conflict, dependency_cycle, unknown_agent, invalid_values */
  async update(caller: Caller, id: string, body: UpdateTaskDto, ifMatch: string | undefined): Promise<TaskWithEdges> {
    requireTier(caller.workspace.settings, body);
    const patch = columnsOf(body, await this.assigneeOf(caller, body.assignee));
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      if (body.dependsOn !== undefined) await this.store.lockEdges(tx, caller.workspaceId);
      const before = await this.store.lock(tx, caller.workspaceId, id);
      if (!before) throw notFound();
      requireMatch(ifMatch, before.version);
      if (isTerminal(before.status)) {
        throw new Problem('conflict', { detail: `It is ${before.status}; nothing of it changes any more.` });
      }
      await this.store.update(tx, caller.workspaceId, id, patch);
      if (body.dependsOn !== undefined) await this.link(tx, caller, id, body.dependsOn, '');
      await appendEvent(tx, {
        type: 'task.updated',
        actor: caller.actor,
        subject: `task:${id}`,
        workspaceId: caller.workspaceId,
        data: { taskId: id, title: body.title ?? before.title, changed: Object.keys(body) },
      });
      return this.reread(tx, caller, id);
    });
  }

  private async prepare(caller: Caller, body: CreateTaskDto, id: string, at: string): Promise<NewTask> {
    requireTier(caller.workspace.settings, body, at);
    const columns = columnsOf(body, await this.assigneeOf(caller, body.assignee, at), at);
    return {
      id,
      columns: { ...columns, id, priority: body.priority ?? 'normal', parent_id: body.parentId },
      dependsOn: [...new Set(body.dependsOn ?? [])],
      at,
    };
  }

  private write(caller: Caller, tasks: NewTask[]): Promise<TaskWithEdges[]> {
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      const { workspaceId } = caller;
      if (tasks.some((task) => task.dependsOn.length > 0)) await this.store.lockEdges(tx, workspaceId);
      await this.requireParents(tx, workspaceId, tasks);
      const columns = tasks.map((task) => task.columns);
      const created = await this.store.create(tx, workspaceId, caller.actor, columns);
      // Written by an earlier attempt of this request: its edges are, too.
      const linked = created.length > 0 ? tasks.filter((task) => task.dependsOn.length > 0) : [];
      for (const task of linked) await this.link(tx, caller, task.id, task.dependsOn, task.at);
      if (linked.length === 0 && created.length === tasks.length) return created;
      return this.store.readAll(
        tx,
        workspaceId,
        tasks.map((task) => task.id),
      );
    });
  }

  private async requireParents(tx: Tx, workspaceId: string, tasks: NewTask[]): Promise<void> {
    const parents = tasks.flatMap(({ columns }) => (typeof columns.parent_id === 'string' ? [columns.parent_id] : []));
    if (parents.length === 0) return;
    const missing = await this.store.missing(tx, workspaceId, parents);
    const orphan = tasks.find(({ columns }) => missing.includes(String(columns.parent_id).toLowerCase()));
    if (orphan) throw invalid(`${orphan.at}parentId`, 'No task of this workspace has this id.');
  }

  private async link(tx: Tx, caller: Caller, id: string, dependsOn: string[], at: string): Promise<void> {
    switch (await this.store.setDependencies(tx, caller.workspaceId, id, dependsOn)) {
      case 'set':
        return;
      case 'unknown':
        throw invalid(`${at}dependsOn`, 'One of these tasks does not exist in this workspace.');
      case 'cycle':
        throw new Problem('dependency_cycle', { detail: `Task ${id} would wait for itself.` });
    }
  }

  private async assigneeOf(
    caller: Caller,
    name: string | null | undefined,
    at = '',
  ): Promise<string | null | undefined> {
    if (name === undefined || name === null) return name;
    const agent = await this.agents.find(caller.organizationId, name);
    if (agent) return agent.id;
    throw new Problem('unknown_agent', {
      detail: `No agent is called ${name}.`,
      errors: [{ path: `${at}assignee`, message: 'Name an agent of this organization.' }],
    });
  }

  private async reread(tx: Tx, caller: Caller, id: string): Promise<TaskWithEdges> {
    const row = await this.store.read(tx, caller.workspaceId, id);
    if (!row) throw new Error(`Task ${id} vanished`);
    return row;
  }
}
