import { readFile } from 'node:fs/promises';
import type { MigrationInterface, QueryRunner } from 'typeorm';

export class People1700000000017 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(await readFile(new URL('./0017-people.sql', import.meta.url), 'utf8'));
  }

  async down(): Promise<void> {
    throw new Error('What waits for people is not forgotten again: restore a backup instead.');
  }
}
