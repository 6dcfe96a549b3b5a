import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Agents1700000000004 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0004-agents.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('The history of agents cannot be taken away: restore a backup instead.');
  }
}
