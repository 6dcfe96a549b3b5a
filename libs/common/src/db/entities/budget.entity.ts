import { Column, CreateDateColumn, Entity, PrimaryColumn, UpdateDateColumn, VersionColumn } from 'typeorm';
import { NanoColumn } from './nano-column.js';

export type BudgetPeriod = 'day' | 'week' | 'month' | 'total';
export type BudgetMode = 'enforce' | 'observe';

@Entity('budgets')
export class BudgetEntity {
  @Column('uuid', { name: 'organization_id' })
  organizationId: string;

  /** Null: the budget covers the whole organization. */
  @Column('uuid', { name: 'workspace_id', nullable: true })
  workspaceId: string | null;

  @PrimaryColumn('uuid')
  id: string;

  @Column('text')
  name: string;

  @NanoColumn({ name: 'limit_nano' })
  limitNano: bigint;

  @Column('text')
  period: BudgetPeriod;

  @Column('text')
  timezone: string;

  /** ISO weekday: 1 is Monday. */
  @Column('smallint', { name: 'week_start' })
  weekStart: number;

  @Column('uuid', { name: 'agent_id', nullable: true })
  agentId: string | null;

  @Column('text', { nullable: true })
  model: string | null;

  @Column('text', { nullable: true })
  provider: string | null;

  @Column('text', { nullable: true })
  trigger: string | null;

  @Column('jsonb', { nullable: true })
  tags: Record<string, string> | null;

  @Column('text')
  mode: BudgetMode;

  /** Percentages of the limit that raise an alert when spent. */
  @Column('smallint', { array: true })
  thresholds: number[];

  @Column('timestamptz', { name: 'frozen_at', nullable: true })
  frozenAt: Date | null;

  @Column('text', { name: 'frozen_reason', nullable: true })
  frozenReason: string | null;

  @Column('text', { name: 'frozen_by', nullable: true })
  frozenBy: string | null;

  @VersionColumn({ default: 1 })
  version: number;

  @CreateDateColumn({ name: 'created_at', type: 'timestamptz' })
  createdAt: Date;

  @UpdateDateColumn({ name: 'updated_at', type: 'timestamptz' })
  updatedAt: Date;

  @Column('timestamptz', { name: 'deleted_at', nullable: true })
  deletedAt: Date | null;
}
