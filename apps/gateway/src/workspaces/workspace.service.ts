import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { WorkspaceEntity } from '@houston/common/db/entities/workspace.entity.js';
import { sqlState } from '@houston/common/db/postgres-error.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { invalid, notFound, Problem } from '../http/problem.js';
import { inReach, requireOrganizationKey } from '../http/reach.js';
import { looksLikeId } from '../http/uuid.js';
import { slugOf } from './slug.js';
import type { CreateWorkspaceDto, UpdateWorkspaceDto } from './workspace.dto.js';
import { type NewWorkspace, WorkspaceStore } from './workspace.store.js';

const DEFAULT_SLUG = 'default';
const DEADLOCK = '40P01';
const MOST_TRIES = 5;

/** What people do to workspaces. A key that is bound to one sees that one only, whatever X-Workspace says. */
@Injectable()
export class WorkspaceService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(WorkspaceStore) private readonly store: WorkspaceStore,
  ) {}

  list(caller: Caller, afterSlug: string | null, limit: number): Promise<WorkspaceEntity[]> {
    return inReach(this.db, caller, (tx) => this.store.list(tx, afterSlug, limit));
  }

  /** @throws Problem not_found */
  async find(caller: Caller, ref: string): Promise<WorkspaceEntity> {
    const workspace = await inReach(this.db, caller, (tx) => this.store.find(tx, ref));
    if (!workspace) throw notFound();
    return workspace;
  }

  /** @throws Problem forbidden, already_exists, invalid_values */
  create(caller: Caller, body: CreateWorkspaceDto, id: CreationId): Promise<WorkspaceEntity> {
    requireOrganizationKey(caller, 'A key that is bound to a workspace makes no others.');
    const workspace = newWorkspace(body, id.id);
    return this.db.inOrganization(caller.organizationId, async (tx) => {
      if (await this.store.insert(tx, workspace)) {
        await this.requireZone(tx, workspace.timezone);
        await appendEvent(tx, {
          ...{ type: 'workspace.created', actor: caller.actor, subject: `workspace:${workspace.id}` },
          workspaceId: workspace.id,
          data: { workspaceId: workspace.id, ...withoutId(workspace) },
        });
        return this.present(tx, workspace.id);
      }
      const existing = await this.store.find(tx, workspace.slug);
      if (existing && id.mayExist && existing.id === id.id) return existing;
      throw new Problem('already_exists', {
        detail: `The slug ${workspace.slug} is taken; send another one as slug.`,
        extensions: { existingId: existing?.id },
      });
    });
  }

  /** @throws Problem not_found, precondition_failed, invalid_values */
  update(caller: Caller, ref: string, body: UpdateWorkspaceDto, ifMatch: string | undefined): Promise<WorkspaceEntity> {
    return inReach(this.db, caller, async (tx) => {
      const workspace = await this.store.lock(tx, ref);
      if (!workspace) throw notFound();
      requireMatch(ifMatch, workspace.version);
      if (body.timezone !== undefined) await this.requireZone(tx, body.timezone);
      const { name = workspace.name, timezone = workspace.timezone } = body;
      const settings = merged(workspace.settings, body.settings ?? {});
      const saved = await tx.manager.save(WorkspaceEntity, { ...workspace, name, timezone, settings });
      if (saved.version === workspace.version) return workspace;
      await appendEvent(tx, {
        ...{ type: 'workspace.updated', actor: caller.actor, subject: `workspace:${workspace.id}` },
        workspaceId: workspace.id,
        data: { workspaceId: workspace.id, slug: workspace.slug, changed: { ...body } },
      });
      return this.present(tx, workspace.id);
    });
  }

  /**
   * Deletes a workspace with everything in it, at once. Its events stay: they are the audit record, and the sums of
   * the organization's budgets rest on them.
   *
   * @throws Problem not_found, forbidden, default_workspace
   */
  async remove(caller: Caller, ref: string, ifMatch: string | undefined): Promise<void> {
    for (let left = MOST_TRIES; left > 0; left -= 1) {
      try {
        return await this.removeNow(caller, ref, ifMatch);
      } catch (error) {
        // Everything else that works in the workspace meanwhile locks rows of it, and nothing orders all of them.
        if (left === 1 || sqlState(error) !== DEADLOCK) throw error;
      }
    }
  }

  private removeNow(caller: Caller, ref: string, ifMatch: string | undefined): Promise<void> {
    return inReach(this.db, caller, async (tx) => {
      await this.store.lockMoney(tx);
      const workspace = await this.store.lockForRemoval(tx, ref);
      if (!workspace) throw notFound();
      requireOrganizationKey(caller, 'A key that is bound to a workspace cannot delete it.');
      if (workspace.slug === DEFAULT_SLUG) {
        throw new Problem('default_workspace', { detail: 'Requests that name no workspace speak in it.' });
      }
      requireMatch(ifMatch, workspace.version);
      const { id, slug, name } = workspace;
      await this.store.releaseHolds(tx, id, caller.actor);
      await this.store.remove(tx, id);
      await appendEvent(tx, {
        ...{ type: 'workspace.deleted', actor: caller.actor, subject: `workspace:${id}`, workspaceId: null },
        data: { workspaceId: id, slug, name },
      });
    });
  }

  private async present(tx: Tx, id: string): Promise<WorkspaceEntity> {
    const workspace = await this.store.find(tx, id);
    if (!workspace) throw new Error(`Workspace ${id} is gone within its own transaction`);
    return workspace;
  }

  private async requireZone(tx: Tx, timezone: string): Promise<void> {
    if (!(await this.store.knowsZone(tx, timezone))) {
      throw invalid('timezone', 'The database does not know this zone.');
    }
  }
}

function newWorkspace(body: CreateWorkspaceDto, id: string): NewWorkspace {
  const slug = body.slug ?? slugOf(body.name);
  if (slug === null) throw invalid('slug', 'No slug can be made from this name; send one.');
  if (looksLikeId(slug)) throw invalid('slug', 'It looks like an id; choose another.');
  return { id, slug, name: body.name, timezone: body.timezone, settings: merged({}, body.settings) };
}

/** What is named changes, also within a group. What is set to null is not stored: later defaults apply to it. */
function merged(stored: Record<string, unknown>, given: object): Record<string, unknown> {
  const named = Object.entries(given).filter(([, value]) => value !== undefined);
  const changes = named.map(([name, value]: [string, unknown]) => [
    name,
    isGroup(value) ? merged(isGroup(stored[name]) ? stored[name] : {}, value) : value,
  ]);
  const all: Record<string, unknown> = { ...stored, ...Object.fromEntries(changes) };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== null));
}

function isGroup(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function withoutId({ slug, name, timezone, settings }: NewWorkspace): Record<string, unknown> {
  return { slug, name, timezone, settings };
}
