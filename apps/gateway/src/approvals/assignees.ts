import { Inject, Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { Assignee } from '@houston/common/domain/approval-deciders.js';
import { AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import { invalid } from '../http/problem.js';
import type { AssigneeDto } from './approval.dto.js';
import { ApproverStore } from './approver.store.js';

/** Somebody who is asked, and the role that answers, where it is known. */
export interface FoundAssignee {
  assignee: Assignee;
  /** Null: an agent. */
  role: string | null;
}

/** Finds those who are named as deciders. */
@Injectable()
export class Assignees {
  constructor(
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(ApproverStore) private readonly approvers: ApproverStore,
  ) {}

  async findAll(tx: Tx, caller: Caller, named: readonly AssigneeDto[], path: string): Promise<Assignee[]> {
    const found: Assignee[] = [];
    for (const [index, dto] of named.entries()) {
      found.push((await this.find(tx, caller, dto, `${path}[${index}]`)).assignee);
    }
    return [...new Map(found.map((one) => [JSON.stringify(one), one])).values()];
  }

  /** @throws Problem invalid_values */
  async find(tx: Tx, caller: Caller, dto: AssigneeDto, path: string): Promise<FoundAssignee> {
    const { member, agent, role } = dto;
    if ([member, agent, role].filter((one) => one !== undefined).length !== 1) {
      throw invalid(path, 'Name exactly one of member, agent and role.');
    }
    if (role !== undefined) return { assignee: { role }, role };
    if (agent !== undefined) {
      const known = await this.agents.findIn(tx, agent);
      if (!known) throw invalid(`${path}.agent`, 'No agent of the organization has this name or id.');
      return { assignee: { agent: known.id }, role: null };
    }
    const memberId = (member ?? '').toLowerCase();
    const known = await this.approvers.roleOf(tx, caller.workspaceId, memberId);
    if (known === null) throw invalid(`${path}.member`, 'No member of this workspace has this id.');
    if (known === 'viewer') throw invalid(`${path}.member`, 'This member is a viewer, and viewers decide nothing.');
    return { assignee: { member: memberId }, role: known };
  }
}
