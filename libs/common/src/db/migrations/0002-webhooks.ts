import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class Webhooks1700000000002 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0002-webhooks.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('Deliveries and their history cannot be taken away: restore a backup instead.');
  }
}
