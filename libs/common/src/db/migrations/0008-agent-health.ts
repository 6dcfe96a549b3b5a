import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AgentHealth1700000000008 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0008-agent-health.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('What is known of the health of agents cannot be taken away: restore a backup instead.');
  }
}
