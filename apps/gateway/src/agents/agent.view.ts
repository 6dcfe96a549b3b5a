import { ApiProperty } from '@nestjs/swagger';
import type { AgentEntity } from '@houston/common/db/entities/agent.entity.js';

export class AgentView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'researcher' })
  name: string;

  @ApiProperty({ example: 'Reads papers and writes summaries' })
  description: string;

  @ApiProperty({ type: Object, example: { owner: 'ana' } })
  metadata: Record<string, unknown>;

  @ApiProperty({ description: 'It registered itself by its first execution' })
  autoRegistered: boolean;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function agentView(agent: AgentEntity): AgentView {
  const { id, name, description, metadata, autoRegistered, createdAt, updatedAt } = agent;
  return {
    ...{ id, name, description, metadata, autoRegistered },
    createdAt: createdAt.toISOString(),
    updatedAt: updatedAt.toISOString(),
  };
}
