import type { MigrationInterface, QueryRunner } from 'typeorm';

/** Admission answers figures where it answered rows: the function of that shape goes, its successor comes with the others. */
export class Admission1700000000020 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop function if exists admit_executions(uuid, bigint, uuid[], int[], int[], jsonb)');
  }

  async down(): Promise<void> {
    throw new Error('There is no way back to a function that its callers no longer know.');
  }
}
