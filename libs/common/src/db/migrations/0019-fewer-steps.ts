import type { MigrationInterface, QueryRunner } from 'typeorm';

/**
 * What a task paid for at each step, one row at a time: a lease subscribes its holder together with all others of its
 * transaction now, so the trigger is left with those who are named as assignees.
 */
export class FewerSteps1700000000019 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query('drop trigger tasks_subscribe_new on tasks');
    await runner.query('drop trigger tasks_subscribe on tasks');
    await runner.query(`create or replace function subscribe_assignee() returns trigger language plpgsql as $$
      begin
        if (select coalesce((w.settings #>> '{features,autoSubscribe}')::boolean, true) from workspaces w where w.id = new.workspace_id) then
          insert into subscriptions (organization_id, workspace_id, task_id, agent_id, reason)
          values (new.organization_id, new.workspace_id, new.id, new.assignee_id, 'assignment')
          on conflict do nothing;
        end if;
        return null;
      end $$`);
    await runner.query(`create trigger tasks_subscribe_new after insert on tasks for each row
      when (new.assignee_id is not null) execute function subscribe_assignee()`);
    await runner.query(`create trigger tasks_subscribe after update of assignee_id on tasks for each row
      when (new.assignee_id is not null and new.assignee_id is distinct from old.assignee_id)
      execute function subscribe_assignee()`);
    // What picked for one agent, or gave to one, now does for several.
    await runner.query('drop function if exists give_leases');
  }

  async down(): Promise<void> {
    throw new Error('There is no way back to one row at a time.');
  }
}
