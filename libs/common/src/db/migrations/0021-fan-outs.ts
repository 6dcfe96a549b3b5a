import type { MigrationInterface, QueryRunner } from 'typeorm';

/** An event goes to the many webhooks of a workspace page by page. */
export class FanOuts1700000000021 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`create table webhook_fan_outs (
      organization_id uuid not null,
      workspace_id uuid not null,
      position bigint not null, -- with seq, the place of the event in the ledger
      seq bigint not null,
      after_endpoint_id uuid, -- those up to this one have their deliveries; null: none has
      primary key (workspace_id, position, seq),
      foreign key (organization_id, workspace_id) references workspaces (organization_id, id) on delete cascade
    )`);
    await runner.query('create index webhook_fan_outs_open on webhook_fan_outs (organization_id, position, seq)');
  }

  async down(): Promise<void> {
    throw new Error(
      'Events that some webhooks are still to be told of have no other place to wait: restore a backup instead.',
    );
  }
}
