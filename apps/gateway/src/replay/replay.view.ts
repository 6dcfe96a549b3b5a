import { ApiProperty } from '@nestjs/swagger';
import { formatUsd } from '@houston/common/domain/money.js';
import { ApprovalView, approvalView } from '../approvals/approval.view.js';
import type { ExecutionRow } from '../executions/execution.row.js';
import { ExecutionView, executionView } from '../executions/execution.view.js';
import type { ReplayRows } from './replay.store.js';

const STEPS = ['known', 'policy', 'approval', 'followed'] as const;

export class KnownView {
  @ApiProperty({ format: 'date-time', description: 'When it was decided' })
  at: string;

  @ApiProperty({ example: 'researcher' })
  agent: string;

  @ApiProperty({ format: 'uuid' })
  agentId: string;

  @ApiProperty({ type: Object, nullable: true, description: "The agent's registry entry as it was then" })
  agentVersion: { version: number; snapshot: Record<string, unknown> } | null;

  @ApiProperty({ type: Object, nullable: true, example: { id: '0199…', title: 'Write the report', status: 'done' } })
  task: object | null;

  @ApiProperty({ type: Object, nullable: true, description: 'What it said it would need' })
  estimate: object | null;

  @ApiProperty({ example: '0.00066' })
  requestedUsd: string;

  @ApiProperty({ type: Object, nullable: true, description: 'Unit prices, and where they came from' })
  price: object | null;

  @ApiProperty({ type: Object })
  tags: Record<string, string>;

  @ApiProperty({ type: Object })
  metadata: Record<string, unknown>;
}

export class PolicyResultView {
  @ApiProperty({ enum: ['admitted', 'denied', 'recorded'], description: 'What the budgets said' })
  verdict: string;

  @ApiProperty({ nullable: true, type: String, example: 'budget_exceeded' })
  code: string | null;

  @ApiProperty({
    type: Object,
    nullable: true,
    description: 'The budget that refused, with its figures of that moment',
  })
  budget: object | null;

  @ApiProperty({ type: [String], format: 'uuid', description: 'The budgets that it counts in' })
  budgetIds: string[];

  @ApiProperty({
    type: [Object],
    example: [{ approvalId: '0199…', policy: 'pending', reasons: ['medium_risk'], risk: 'medium', confidence: 72 }],
    description: 'What the policy for approvals said',
  })
  approvals: object[];
}

export class ReplayStepView {
  @ApiProperty({ enum: STEPS })
  step: (typeof STEPS)[number];

  @ApiProperty({ example: 'approval.resolved' })
  type: string;

  @ApiProperty({ format: 'date-time' })
  time: string;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000000' })
  actor: string;

  @ApiProperty({ example: 'approval:0199aaaa-0000-7000-8000-000000000000' })
  subject: string;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'null: the run itself says so' })
  eventId: string | null;
}

export class DecisionReplayView {
  @ApiProperty({ type: ExecutionView })
  execution: ExecutionView;

  @ApiProperty({ type: KnownView })
  known: KnownView;

  @ApiProperty({ nullable: true, type: Number, example: 72, description: 'As the last that was asked about it said' })
  confidence: number | null;

  @ApiProperty({ type: PolicyResultView })
  policy: PolicyResultView;

  @ApiProperty({ type: [ApprovalView] })
  approvals: ApprovalView[];

  @ApiProperty({
    type: [ExecutionView],
    description: 'Runs that came out of it, that a raise let in when it asked again, or that took its task further',
  })
  followed: ExecutionView[];

  @ApiProperty({ type: [ReplayStepView], description: 'All of it in the order of time' })
  chain: ReplayStepView[];
}

export function decisionReplayView(rows: ReplayRows, agentNames: ReadonlyMap<string, string>): DecisionReplayView {
  const { execution, approvals, runs } = rows;
  const asked = approvals.filter(({ confidence }) => confidence !== null).at(-1);
  return {
    execution: executionView(execution, agentNames),
    known: knownView(rows, agentNames),
    confidence: asked?.confidence ?? null,
    policy: policyView(rows),
    approvals: approvals.map(approvalView),
    followed: runs.map((run) => executionView(run, agentNames)),
    chain: chainOf(rows),
  };
}

function knownView({ execution, agentVersion, task }: ReplayRows, names: ReadonlyMap<string, string>): KnownView {
  return {
    at: execution.started_at.toISOString(),
    agent: names.get(execution.agent_id) ?? execution.agent_id,
    agentId: execution.agent_id,
    agentVersion,
    task,
    estimate: execution.estimate,
    requestedUsd: formatUsd(BigInt(execution.requested_nano)),
    price: execution.price_held,
    tags: execution.tags ?? {},
    metadata: execution.metadata ?? {},
  };
}

function policyView({ execution, approvals }: ReplayRows): PolicyResultView {
  const { denial, external_id, budget_ids } = execution;
  return {
    verdict: denial !== null ? 'denied' : external_id !== null ? 'recorded' : 'admitted',
    code: denial?.code ?? null,
    budget: denial?.budget ?? null,
    budgetIds: budget_ids,
    approvals: approvals.map(({ id, policy, policy_reasons, risk, confidence }) => ({
      approvalId: id,
      policy,
      reasons: policy_reasons,
      risk,
      confidence,
    })),
  };
}

function chainOf({ execution, events, runs }: ReplayRows): ReplayStepView[] {
  const told = events.map(({ id, type, time, actor, subject }): ReplayStepView => ({
    ...{ step: type.startsWith('approval.') ? 'approval' : 'followed', type, time: time.toISOString(), actor, subject },
    eventId: id,
  }));
  const own = [...runSteps(execution), ...runs.flatMap((run) => runSteps(run).map(asFollowed))];
  // What the run itself did comes before what was asked about it in the same instant.
  return [...own, ...told].sort((one, other) => Date.parse(one.time) - Date.parse(other.time));
}

function runSteps(run: ExecutionRow): ReplayStepView[] {
  const common = { actor: run.created_by, subject: `execution:${run.id}`, eventId: null };
  const startedAt = run.started_at.toISOString();
  const verdict = run.denial !== null ? 'denied' : run.external_id !== null ? 'recorded' : 'admitted';
  const begun: ReplayStepView[] = [
    { ...common, step: 'known', type: 'execution.requested', time: startedAt },
    { ...common, step: 'policy', type: `execution.${verdict}`, time: startedAt },
  ];
  if (run.denial !== null || run.ended_at === null) return begun;
  return [...begun, { ...common, step: 'followed', type: `execution.${run.status}`, time: run.ended_at.toISOString() }];
}

function asFollowed(step: ReplayStepView): ReplayStepView {
  return { ...step, step: 'followed' };
}
