import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Every stand-up that was made while the sender was switched off waits for it, not only the latest. */
export class WaitingStandups1700000000022 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index standups_waiting');
    await runner.query(`create index standups_waiting on standups (workspace_id) where status = 'waiting'`);
  }

  async down(): Promise<void> {
    throw new Error('Several stand-ups may wait: restore a backup instead.');
  }
}
