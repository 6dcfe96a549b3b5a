import { ApiProperty } from '@nestjs/swagger';
import { ROLES } from '@houston/common/auth/roles.js';
import type { KeyRow } from './key.store.js';

export class KeyView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'hou_4fQ9ZkV2mX7a', description: 'Its visible beginning' })
  prefix: string;

  @ApiProperty({ example: 'crawler on host 7' })
  name: string;

  @ApiProperty({ enum: ROLES })
  role: string;

  @ApiProperty({ example: 'research', nullable: true, type: String, description: 'Slug; null: the whole organization' })
  workspace: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  workspaceId: string | null;

  @ApiProperty({ example: 'researcher', nullable: true, type: String, description: 'null: any agent' })
  agent: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  agentId: string | null;

  @ApiProperty({ example: 'Ada', nullable: true, type: String, description: 'The member whose key it is' })
  member: string | null;

  @ApiProperty({ format: 'uuid', nullable: true, type: String })
  memberId: string | null;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000000' })
  createdBy: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  expiresAt: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String })
  revokedAt: string | null;
}

export class CreatedKeyView extends KeyView {
  @ApiProperty({
    example: 'hou_4fQ9ZkV2mX7a_2uN8sPqL0dWvYbT5eRjHcKf1gZoMxA3i0pQwEr',
    description: 'The key itself; shown this once',
  })
  key: string;
}

export function keyView(row: KeyRow): KeyView {
  return {
    id: row.id,
    prefix: row.prefix,
    name: row.name,
    role: row.role,
    workspace: row.workspace_slug,
    workspaceId: row.workspace_id,
    agent: row.agent_name,
    agentId: row.agent_id,
    member: row.member_name,
    memberId: row.member_id,
    createdBy: row.created_by,
    createdAt: row.created_at.toISOString(),
    expiresAt: row.expires_at?.toISOString() ?? null,
    revokedAt: row.revoked_at?.toISOString() ?? null,
  };
}
