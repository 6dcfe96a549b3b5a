import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class AgentSessions1700000000006 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0006-agent-sessions.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Connected agents would lose their sessions: restore a backup instead.');
  }
}
