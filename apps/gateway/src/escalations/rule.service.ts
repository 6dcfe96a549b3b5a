import { Inject, Injectable } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import type { RuleRow } from '@houston/common/escalation/escalation.row.js';
import { resolveRule } from '@houston/common/escalation/look.js';
import { mark } from '@houston/common/escalation/watch.store.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { requireMatch } from '../http/etag.js';
import { notFound, Problem } from '../http/problem.js';
import { changedRule, findActions, type FindAgent, newRule, requireSound, type RuleColumns } from './rule-columns.js';
import type { CreateRuleDto, UpdateRuleDto } from './rule.dto.js';
import { RuleStore } from './rule.store.js';

/** What people do to rules. Every change leaves word, so that whoever watches holds the rule against everything anew. */
@Injectable()
export class RuleService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(RuleStore) private readonly store: RuleStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
  ) {}

  list(caller: Caller, after: readonly string[] | null, limit: number): Promise<RuleRow[]> {
    return this.db.inWorkspace(caller, (tx) => this.store.list(tx, caller.workspaceId, after, limit));
  }

  /** @throws Problem not_found */
  find(caller: Caller, id: string): Promise<RuleRow> {
    return this.db.inWorkspace(caller, (tx) => this.present(tx, caller, id));
  }

  /** @throws Problem invalid_values, invalid_condition, unknown_agent */
  async create(caller: Caller, body: CreateRuleDto, { id }: CreationId): Promise<RuleRow> {
    const rule = newRule(id, body, await findActions(body, this.finder(caller)));
    requireSound(rule);
    return this.db.inWorkspace(caller, async (tx) => {
      if (await this.store.insert(tx, caller.workspaceId, rule, caller.actor)) {
        await this.change(tx, caller, 'escalation_rule.created', rule, { trigger: rule.trigger });
      }
      return this.present(tx, caller, id);
    });
  }

  /** @throws Problem not_found, precondition_failed, invalid_values, invalid_condition, unknown_agent */
  async update(caller: Caller, id: string, body: UpdateRuleDto, ifMatch: string | undefined): Promise<RuleRow> {
    const found = await findActions(body, this.finder(caller));
    return this.db.inWorkspace(caller, async (tx) => {
      const before = await this.locked(tx, caller, id);
      requireMatch(ifMatch, before.version);
      const rule = changedRule(before, body, found);
      requireSound(rule);
      const after = await this.store.update(tx, caller.workspaceId, rule);
      await this.change(tx, caller, 'escalation_rule.updated', rule, { changed: Object.keys(body) });
      return after;
    });
  }

  /** What it has raised is resolved with it; the history stays. @throws Problem not_found, precondition_failed */
  remove(caller: Caller, id: string, ifMatch: string | undefined): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      await this.store.lockForRemoval(tx);
      const before = await this.locked(tx, caller, id);
      requireMatch(ifMatch, before.version);
      // First the watches: whoever is looking at one of them finishes, and raises nothing after this.
      await this.store.remove(tx, caller.workspaceId, id);
      await resolveRule(tx, before, caller.actor, 'Its rule was deleted.');
      await this.tell(tx, caller, 'escalation_rule.deleted', before, {});
    });
  }

  private async present(tx: Tx, caller: Caller, id: string): Promise<RuleRow> {
    const row = await this.store.find(tx, caller.workspaceId, id);
    if (!row) throw notFound();
    return row;
  }

  private async locked(tx: Tx, caller: Caller, id: string): Promise<RuleRow> {
    const row = await this.store.lock(tx, caller.workspaceId, id);
    if (!row) throw notFound();
    return row;
  }

  private finder(caller: Caller): FindAgent {
    return async (name, path) => {
      const agent = await this.agents.find(caller.organizationId, name);
      if (agent) return agent.id;
      throw new Problem('unknown_agent', {
        detail: `No agent is called ${name}.`,
        errors: [{ path, message: 'Name an agent of this organization.' }],
      });
    };
  }

  private async change(tx: Tx, caller: Caller, type: string, rule: RuleColumns, data: object): Promise<void> {
    await mark(tx, [{ workspace_id: caller.workspaceId, kind: 'rule', subject_id: rule.id }]);
    await this.tell(tx, caller, type, rule, data);
  }

  private async tell(
    tx: Tx,
    caller: Caller,
    type: string,
    { id, name }: Pick<RuleRow, 'id' | 'name'>,
    data: object,
  ): Promise<void> {
    await appendEvent(tx, {
      ...{ type, actor: caller.actor, subject: `escalation_rule:${id}` },
      data: { ruleId: id, name, ...data },
    });
  }
}
