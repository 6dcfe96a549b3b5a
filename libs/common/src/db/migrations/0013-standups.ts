import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Standups1700000000013 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0013-standups.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The history of stand-ups cannot be taken away: restore a backup instead.');
  }
}
