import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Office1700000000014 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0014-office.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The indexes of the ledger are not taken away: restore a backup instead.');
  }
}
