import { Column, CreateDateColumn, Entity, PrimaryColumn } from 'typeorm';

@Entity('api_keys')
export class ApiKeyEntity {
  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  /** Null: the key works in every workspace of the organization. */
  @Column('uuid', { name: 'workspace_id', nullable: true })
  workspaceId: string | null;

  @PrimaryColumn('uuid')
  id: string;

  /** Set: the key acts for this agent only. */
  @Column('uuid', { name: 'agent_id', nullable: true })
  agentId: string | null;

  /** Set: whoever holds the key is this member of the workspace. */
  @Column('uuid', { name: 'member_id', nullable: true })
  memberId: string | null;

  @Column('text')
  name: string;

  @Column('text')
  role: string;

  /** The visible start of the key. */
  @Column('text')
  prefix: string;

  /** SHA-256 of the whole key, hex; the key itself is nowhere. */
  @Column('text', { name: 'key_hash' })
  keyHash: string;

  @Column('text', { name: 'created_by' })
  createdBy: string;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @Column('timestamptz', { name: 'expires_at', nullable: true })
  expiresAt: Date | null;

  @Column('timestamptz', { name: 'revoked_at', nullable: true })
  revokedAt: Date | null;
}
