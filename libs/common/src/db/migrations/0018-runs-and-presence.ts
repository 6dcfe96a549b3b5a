import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class RunsAndPresence1700000000018 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0018-runs-and-presence.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Schedules of workflows and stand-ups have no older form: restore a backup instead.');
  }
}
