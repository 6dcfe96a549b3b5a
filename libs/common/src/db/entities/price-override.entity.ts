import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn } from 'typeorm';
import { NanoColumn } from './nano-column.js';

/** A workspace's own price of a model, in nano-USD per million tokens. */
@Entity('price_overrides')
export class PriceOverrideEntity {
  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  @PrimaryColumn('uuid', { name: 'workspace_id' })
  workspaceId: string;

  @PrimaryColumn('text')
  provider: string;

  @PrimaryColumn('text')
  model: string;

  @NanoColumn({ name: 'input_nano_per_mtok' })
  inputNanoPerMTok: bigint;

  @NanoColumn({ name: 'output_nano_per_mtok' })
  outputNanoPerMTok: bigint;

  @NanoColumn({ name: 'cache_read_nano_per_mtok', nullable: true })
  cacheReadNanoPerMTok: bigint | null;

  @NanoColumn({ name: 'cache_write_nano_per_mtok', nullable: true })
  cacheWriteNanoPerMTok: bigint | null;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;
}
