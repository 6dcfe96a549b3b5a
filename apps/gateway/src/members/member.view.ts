import { ApiProperty } from '@nestjs/swagger';
import { MEMBER_ROLES } from '@houston/common/auth/roles.js';
import type { MemberRow } from './member.row.js';

export class MemberView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ example: 'Ada' })
  name: string;

  @ApiProperty({ enum: MEMBER_ROLES, description: 'In this workspace' })
  role: string;

  @ApiProperty({ enum: ['invited', 'active'], description: 'Active from the first key on' })
  status: string;

  @ApiProperty({ example: 'key:0199aaaa-0000-7000-8000-000000000000' })
  createdBy: string;

  @ApiProperty({ format: 'date-time' })
  createdAt: string;

  @ApiProperty({ format: 'date-time' })
  updatedAt: string;
}

export function memberView(row: MemberRow): MemberView {
  const { id, email, name, role, status, created_by: createdBy } = row;
  return {
    ...{ id, email, name, role, status, createdBy },
    createdAt: row.created_at.toISOString(),
    updatedAt: row.updated_at.toISOString(),
  };
}
