import { ApiProperty } from '@nestjs/swagger';
import { AGENT_HEALTHS, AGENT_LEVELS, AGENT_STATES } from '@houston/common/domain/agent-states.js';
import type { EdgeRow, NodeRow } from './graph.store.js';

const EDGE_TYPES = ['mention', 'reply', 'delegation', 'notification'] as const;

export class GraphNodeView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'researcher' })
  name: string;

  @ApiProperty({ example: 'Finds sources' })
  role: string;

  @ApiProperty({ enum: AGENT_LEVELS })
  level: string;

  @ApiProperty({ enum: AGENT_STATES })
  status: string;

  @ApiProperty({ enum: AGENT_HEALTHS })
  health: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  lastSeenAt: string | null;
}

export class GraphEdgeView {
  @ApiProperty({ format: 'uuid', description: 'Agent' })
  from: string;

  @ApiProperty({ format: 'uuid', description: 'Agent' })
  to: string;

  @ApiProperty({ enum: EDGE_TYPES })
  type: string;

  @ApiProperty({ example: 2, description: 'How often within the window' })
  count: number;

  @ApiProperty({
    type: [String],
    description:
      'The youngest 50, newest first. mention and reply: messages. delegation: tasks, runs or messages of handoff. ' +
      'notification: the notification, or the event that asks for it while it is not made yet',
  })
  evidence: string[];

  @ApiProperty({ format: 'date-time' })
  lastAt: string;
}

export class GraphView {
  @ApiProperty({ example: '1h' })
  window: string;

  @ApiProperty({ type: [GraphNodeView], description: 'Agents, those with edges first; at most 1,000' })
  nodes: GraphNodeView[];

  @ApiProperty({ type: [GraphEdgeView] })
  edges: GraphEdgeView[];
}

export function nodeView({ id, name, role, level, state, health, last_seen_at: seen }: NodeRow): GraphNodeView {
  return { id, name, role, level, status: state, health, lastSeenAt: seen?.toISOString() ?? null };
}

export function edgeView({ source, target, type, count, evidence, last_at: lastAt }: EdgeRow): GraphEdgeView {
  return { from: source, to: target, type, count, evidence, lastAt: lastAt.toISOString() };
}
