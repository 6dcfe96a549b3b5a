import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Approvals1700000000010 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0010-approvals.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Decisions cannot be taken away: restore a backup instead.');
  }
}
