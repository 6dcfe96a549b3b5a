import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Notifications1700000000011 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0011-notifications.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Notifications and their history cannot be taken away: restore a backup instead.');
  }
}
