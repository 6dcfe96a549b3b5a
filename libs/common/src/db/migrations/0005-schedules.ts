import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Schedules1700000000005 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0005-schedules.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The history of schedules cannot be taken away: restore a backup instead.');
  }
}
