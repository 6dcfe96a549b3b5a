import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * Indexes that every step of a task paid for and no query could use: `@>` may leak, for the planner, and is kept out of
 * indexes behind row level security; states of agents are read with their agents. Without the latter a change of state
 * stays within its page.
 */
export class TaskIndexes1700000000016 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop index tasks_by_tag');
    await runner.query('drop index agent_presence_by_state');
    await runner.query('alter table agent_presence set (fillfactor = 50)');
    // What stood for one task, or one agent, now stands for several.
    await runner.query('drop function if exists begin_lease, note_agent');
  }

  async down(): Promise<void> {
    throw new Error('There is no way back to indexes that nothing reads.');
  }
}
