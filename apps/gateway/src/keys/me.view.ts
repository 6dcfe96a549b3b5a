import { ApiProperty } from '@nestjs/swagger';
import { MEMBER_ROLES, ROLES } from '@houston/common/auth/roles.js';

export class MyKeyView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'crawler on host 7' })
  name: string;

  @ApiProperty({ example: 'hou_4fQ9ZkV2mX7a' })
  prefix: string;

  @ApiProperty({ enum: ROLES, description: "What it may do: no more than its member's role" })
  role: string;

  @ApiProperty({ format: 'date-time', required: false })
  expiresAt?: string;
}

export class NamedView {
  @ApiProperty({ format: 'uuid' })
  id: string;

  @ApiProperty({ example: 'researcher' })
  name: string;
}

export class MyWorkspaceView extends NamedView {
  @ApiProperty({ example: 'research' })
  slug: string;

  @ApiProperty({ example: 'Europe/Paris' })
  timezone: string;
}

export class MyMemberView extends NamedView {
  @ApiProperty({ example: 'ada@example.com' })
  email: string;

  @ApiProperty({ enum: MEMBER_ROLES })
  role: string;
}

export class MeView {
  @ApiProperty({ type: MyKeyView })
  key: MyKeyView;

  @ApiProperty({ type: NamedView })
  organization: NamedView;

  @ApiProperty({ type: MyWorkspaceView, description: 'The one this request speaks in' })
  workspace: MyWorkspaceView;

  @ApiProperty({ type: NamedView, required: false, description: 'The only agent the key may act for' })
  agent?: NamedView;

  @ApiProperty({ type: MyMemberView, required: false, description: 'Whose key it is' })
  member?: MyMemberView;
}
