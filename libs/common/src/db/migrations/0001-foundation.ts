import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Foundation1700000000001 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0001-foundation.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The foundation cannot be taken away: restore a backup instead.');
  }
}
