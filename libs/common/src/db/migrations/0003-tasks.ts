import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Tasks1700000000003 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0003-tasks.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Tasks and their history cannot be taken away: restore a backup instead.');
  }
}
