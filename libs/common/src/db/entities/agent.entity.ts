import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';

@Entity('agents')
export class AgentEntity {
  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @PrimaryColumn('uuid')
  id: string;

  /** Unique within the organization; never changes, because executions are admitted by it. */
  @Column('text')
  name: string;

  @Column('text')
  description: string;

  @Column('jsonb')
  metadata: Record<string, unknown>;

  /** It registered itself by its first execution. */
  @Column('boolean', { name: 'auto_registered' })
  autoRegistered: boolean;

  @VersionColumn({ default: 1 })
  version: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
