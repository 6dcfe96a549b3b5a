import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Conversations1700000000012 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0012-conversations.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('What was said and written cannot be taken away: restore a backup instead.');
  }
}
