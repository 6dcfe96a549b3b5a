import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Before the first statistics every index that begins with a tenant looks selective: plans for single keys took this one. */
export class KeptAnswers1700000000015 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index idempotency_keys_by_age');
    await runner.query('create index idempotency_keys_by_age on idempotency_keys (created_at)');
  }

  async down(): Promise<void> {
    throw new Error('There is no way back to a plan that reads the whole table.');
  }
}
