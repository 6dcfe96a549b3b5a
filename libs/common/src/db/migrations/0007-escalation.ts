import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Escalation1700000000007 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0007-escalation.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The history of escalations cannot be taken away: restore a backup instead.');
  }
}
