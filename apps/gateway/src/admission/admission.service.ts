import { Inject, Injectable } from '@nestjs/common';
import { v7 as newId } from 'uuid';
import { formatUsd } from '@houston/common/domain/money.js';
import type { TokenEstimate } from '@houston/common/domain/pricing.js';
import { isUniqueViolation } from '@houston/common/db/postgres-error.js';
import { type AgentRef, AgentDirectory } from '../agents/agent-directory.js';
import type { Caller } from '../http/caller.js';
import type { CreationId } from '../http/creation-id.js';
import { Problem } from '../http/problem.js';
import {
  type AdmissionLeg,
  type AdmissionRequest,
  AdmissionStore,
  type BudgetRoom,
  type Judgement,
} from './admission.store.js';
import { type Policy, PolicyStore } from './policy.store.js';
import { type Priced, type Price, Pricer } from './pricer.js';

const MAX_ATTEMPTS = 10;

export type Estimate = TokenEstimate | { costNano: bigint };

/** What an agent asks to be allowed to do. */
export interface Intent {
  agent: string;
  model: string;
  provider: string | null;
  estimate: Estimate;
  trigger: string;
  taskId?: string;
  parentId?: string;
  tags?: Record<string, string>;
  metadata?: Record<string, unknown>;
  holdSeconds: number;
}

/** An intent with its price, and the budgets that cover it. */
interface Prepared {
  agent: AgentRef;
  price: Price;
  hold: Priced;
  budgetIds: string[];
  policy: Policy;
}

interface Judged {
  executionId: string;
  agent: AgentRef;
  provider: string;
  heldNano: bigint;
  judgedAt: Date;
  legs: AdmissionLeg[];
}

export type AdmissionOutcome =
  | ({ kind: 'admitted' } & Judged)
  | ({ kind: 'denied'; code: 'budget_exceeded' | 'budget_frozen'; binding: AdmissionLeg } & Judged)
  /** An earlier attempt of this very request was admitted. */
  | { kind: 'existing'; executionId: string };

/** The verb of the house: may this run spend? */
@Injectable()
export class AdmissionService {
  constructor(
    @Inject(PolicyStore) private readonly policies: PolicyStore,
    @Inject(AdmissionStore) private readonly store: AdmissionStore,
    @Inject(AgentDirectory) private readonly agents: AgentDirectory,
    @Inject(Pricer) private readonly pricer: Pricer,
  ) {}

  /** @throws Problem unknown_agent, unknown_price, forbidden */
  async admit(caller: Caller, intent: Intent, id: CreationId): Promise<AdmissionOutcome> {
    let stale: string | undefined;
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const policy = await this.policies.currentFor(caller, stale);
      const prepared = await this.prepare(caller, intent, policy, await this.agentOf(caller, intent.agent, policy));
      const deniedId = id.mayExist ? newId() : id.id;
      const judgement = await this.judge(requestOf(caller, intent, prepared, id, deniedId));
      if (judgement.kind === 'judged') return outcomeOf(judgement, prepared, id.id, deniedId);
      stale = prepared.policy.version;
    }
    throw new Problem('unavailable', {
      detail: 'Budgets are changing too fast to decide; try again.',
      retryAfterSeconds: 1,
    });
  }

  /** What would happen, without holding, registering or writing anything. */
  async preview(caller: Caller, intent: Intent): Promise<{ heldNano: bigint; room: BudgetRoom[] }> {
    const policy = await this.policies.currentFor(caller);
    const agent = await this.knownAgentOf(caller, intent.agent, policy);
    const { hold, budgetIds } = await this.prepare(caller, intent, policy, agent ?? { id: '', name: intent.agent });
    return { heldNano: hold.nano, room: await this.store.room(caller, budgetIds) };
  }

  /** Price and budgets of an intent under a policy. */
  private async prepare(caller: Caller, intent: Intent, policy: Policy, agent: AgentRef): Promise<Prepared> {
    const { workspaceId } = caller;
    const price = this.pricer.price(policy, { workspaceId, model: intent.model, provider: intent.provider });
    const budgetIds = policy.matcher.find({
      workspaceId,
      agentId: agent.id,
      model: intent.model,
      provider: price.provider,
      trigger: intent.trigger,
      tags: intent.tags,
    });
    const enforced = budgetIds.some((budgetId) => policy.enforcing.has(budgetId));
    const hold = await this.holdOf(intent, price, policy, workspaceId, enforced);
    return { agent, price, hold, budgetIds, policy };
  }

  /** The agent an execution names: the key's own, a known one, or a new one where the workspace lets agents register. */
  async agentOf(caller: Caller, name: string, policy: Policy): Promise<AgentRef> {
    const known = await this.knownAgentOf(caller, name, policy);
    return known ?? this.agents.register(caller.organizationId, caller.workspaceId, name, caller.actor);
  }

  /** Null for an agent that may register itself. */
  private async knownAgentOf(caller: Caller, name: string, policy: Policy): Promise<AgentRef | null> {
    const known = await this.agents.find(caller.organizationId, name);
    if (caller.agentId !== null && known?.id !== caller.agentId) {
      throw new Problem('forbidden', { detail: 'This key is bound to another agent.' });
    }
    if (known) return known;
    if (policy.settings.get(caller.workspaceId)?.autoRegisterAgents === false) {
      throw new Problem('unknown_agent', {
        detail: `No agent is called ${name}, and this workspace does not let agents register themselves. Create it with POST /api/agents.`,
      });
    }
    return null;
  }

  private async holdOf(
    intent: Intent,
    price: Price,
    policy: Policy,
    workspaceId: string,
    enforced: boolean,
  ): Promise<Priced> {
    if ('costNano' in intent.estimate)
      return { nano: intent.estimate.costNano, provenance: { ...price.provenance, source: 'stated' } };
    const hold = await this.pricer.hold(price, intent.estimate, policy, workspaceId, enforced);
    if (hold) return hold;
    throw new Problem('unknown_price', {
      detail:
        `No price is known for ${intent.model}. Set one with PUT /api/prices/${encodeURIComponent(price.provider)}/${encodeURIComponent(intent.model)}, ` +
        `send estimate.costUsd, or set the workspace's unknownPrice to ceiling or flag.`,
    });
  }

  private async judge(request: AdmissionRequest): Promise<Judgement> {
    try {
      return await this.store.admit(request);
    } catch (error) {
      // Another gateway wrote the same request in the same instant: asked again, it is found.
      if (request.mayExist && isUniqueViolation(error)) return this.store.admit(request);
      throw error;
    }
  }
}

function requestOf(
  caller: Caller,
  intent: Intent,
  prepared: Prepared,
  id: CreationId,
  deniedId: string,
): AdmissionRequest {
  const { agent, price, hold, budgetIds, policy } = prepared;
  const heldUsd = formatUsd(hold.nano);
  return {
    organizationId: caller.organizationId,
    policyVersion: policy.version,
    budgetIds,
    amountNano: hold.nano,
    mayExist: id.mayExist,
    row: {
      workspace_id: caller.workspaceId,
      id: id.id,
      denied_id: deniedId,
      agent_id: agent.id,
      agent_name: agent.name,
      model: intent.model,
      provider: price.provider,
      trigger: intent.trigger,
      task_id: intent.taskId,
      parent_id: intent.parentId,
      tags: intent.tags,
      metadata: intent.metadata,
      estimate: 'costNano' in intent.estimate ? { costUsd: heldUsd } : intent.estimate,
      requested_usd: heldUsd,
      hold_seconds: intent.holdSeconds,
      price_held: hold.provenance,
      created_by: caller.actor,
    },
  };
}

function outcomeOf(
  judgement: Extract<Judgement, { kind: 'judged' }>,
  prepared: Prepared,
  id: string,
  deniedId: string,
): AdmissionOutcome {
  if (judgement.verdict === 'existing') return { kind: 'existing', executionId: id };
  const judged = {
    agent: prepared.agent,
    provider: prepared.price.provider,
    heldNano: prepared.hold.nano,
    judgedAt: judgement.judgedAt,
    legs: judgement.legs,
  };
  if (judgement.verdict === 'admitted') return { kind: 'admitted', executionId: id, ...judged };
  if (judgement.binding === null) throw new Error('A denial names no budget');
  return { kind: 'denied', code: judgement.verdict, binding: judgement.binding, executionId: deniedId, ...judged };
}
