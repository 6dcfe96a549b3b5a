import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Members1700000000009 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0009-members.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The history of members cannot be taken away: restore a backup instead.');
  }
}
