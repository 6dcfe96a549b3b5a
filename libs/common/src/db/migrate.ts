import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { DataSource, type QueryRunner } from 'typeorm';
import { APPLICATION_ROLE } from '../config/application-role.js';
import { migrateQueues } from '../queues/migrate-queues.js';
import { Foundation1700000000001 } from './migrations/0001-foundation.js';
import { Webhooks1700000000002 } from './migrations/0002-webhooks.js';
import { Tasks1700000000003 } from './migrations/0003-tasks.js';
import { Agents1700000000004 } from './migrations/0004-agents.js';
import { Schedules1700000000005 } from './migrations/0005-schedules.js';
import { AgentSessions1700000000006 } from './migrations/0006-agent-sessions.js';
import { Escalation1700000000007 } from './migrations/0007-escalation.js';
import { AgentHealth1700000000008 } from './migrations/0008-agent-health.js';
import { Members1700000000009 } from './migrations/0009-members.js';
import { Approvals1700000000010 } from './migrations/0010-approvals.js';
import { Notifications1700000000011 } from './migrations/0011-notifications.js';
import { Conversations1700000000012 } from './migrations/0012-conversations.js';
import { Standups1700000000013 } from './migrations/0013-standups.js';
import { Office1700000000014 } from './migrations/0014-office.js';
import { KeptAnswers1700000000015 } from './migrations/0015-kept-answers.js';
import { TaskIndexes1700000000016 } from './migrations/0016-task-indexes.js';
import { People1700000000017 } from './migrations/0017-people.js';
import { RunsAndPresence1700000000018 } from './migrations/0018-runs-and-presence.js';
import { FewerSteps1700000000019 } from './migrations/0019-fewer-steps.js';
import { Admission1700000000020 } from './migrations/0020-admission.js';
import { FanOuts1700000000021 } from './migrations/0021-fan-outs.js';
import { WaitingStandups1700000000022 } from './migrations/0022-waiting-standups.js';
import { wallStatements } from './tenant-tables.js';

const MIGRATIONS = [
  Foundation1700000000001,
  Webhooks1700000000002,
  Tasks1700000000003,
  Agents1700000000004,
  Schedules1700000000005,
  AgentSessions1700000000006,
  Escalation1700000000007,
  AgentHealth1700000000008,
  Members1700000000009,
  Approvals1700000000010,
  Notifications1700000000011,
  Conversations1700000000012,
  Standups1700000000013,
  Office1700000000014,
  KeptAnswers1700000000015,
  TaskIndexes1700000000016,
  People1700000000017,
  RunsAndPresence1700000000018,
  FewerSteps1700000000019,
  Admission1700000000020,
  FanOuts1700000000021,
  WaitingStandups1700000000022,
];
/** Folders whose .sql files hold functions of the database. */
const FUNCTIONS = [
  ...['agents', 'auth', 'escalation', 'events', 'ledger', 'messages', 'notifications', 'schedules', 'tasks'],
].map((folder) => new URL(`../${folder}/`, import.meta.url));
const MIGRATION_LOCK = 4_871_001;

/**
 * Brings a database up to date: role, tables, ledger functions, walls, and the schema of the queue. Any number of
 * processes may call it at once; one works, the others wait and find everything done.
 *
 * @param databaseUrl a login that may create roles and tables
 */
export async function migrate(databaseUrl: string): Promise<void> {
  const dataSource = await new DataSource({
    type: 'postgres',
    url: databaseUrl,
    poolSize: 2,
    migrations: MIGRATIONS,
    extra: { application_name: 'houston migrator' },
  }).initialize();
  const lock = dataSource.createQueryRunner();
  try {
    await lock.query('select pg_advisory_lock($1)', [MIGRATION_LOCK]);
    await createApplicationRole(lock);
    await dataSource.runMigrations({ transaction: 'each' });
    await lock.query('create table if not exists schema_state (key text primary key, value text not null)');
    await applyOnce(lock, 'functions', await functionSources());
    await applyOnce(lock, 'walls', wallStatements());
    await liftLedgerPosition(lock);
    await migrateQueues(databaseUrl);
  } finally {
    // Destroying the connection frees the lock, also after a failure in the middle of a statement.
    await lock.release();
    await dataSource.destroy();
  }
}

async function createApplicationRole(runner: QueryRunner): Promise<void> {
  const [role] = await runner.query('select 1 from pg_roles where rolname = $1', [APPLICATION_ROLE]);
  if (!role) await runner.query(`create role ${APPLICATION_ROLE} nologin nosuperuser nobypassrls`);
  const [member] = await runner.query(`select 1 where pg_has_role(current_user, '${APPLICATION_ROLE}', 'member')`);
  if (!member) await runner.query(`grant ${APPLICATION_ROLE} to current_user`);
  await runner.query(`create schema if not exists bullmq authorization ${APPLICATION_ROLE}`);
}

/** The functions, dropped by name first because a changed signature cannot be replaced in place. */
async function functionSources(): Promise<string[]> {
  const files = await Promise.all(
    FUNCTIONS.map(async (folder) => {
      const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
      return names.map((name) => new URL(name, folder));
    }),
  );
  const sources = await Promise.all(files.flat().map((file) => readFile(file, 'utf8')));
  const names = sources.flatMap((sql) =>
    [...sql.matchAll(/^create or replace function (\w+)/gm)].map((match) => match[1]),
  );
  const drop = `do $do$ declare f record; begin
    for f in select p.oid::regprocedure as signature from pg_proc p
              where p.pronamespace = 'public'::regnamespace and p.proname = any (array['${names.join("','")}']) loop
      execute 'drop function ' || f.signature || ' cascade';
    end loop; end $do$`;
  return ['set local check_function_bodies = off', drop, ...sources];
}

/** Applies statements in one transaction, unless exactly these were applied before. */
async function applyOnce(runner: QueryRunner, key: string, statements: string[]): Promise<void> {
  const hash = createHash('sha256').update(statements.join('\n')).digest('hex');
  const [applied] = await runner.query('select 1 from schema_state where key = $1 and value = $2', [key, hash]);
  if (applied) return;
  await runner.startTransaction();
  try {
    for (const statement of statements) await runner.query(statement);
    await runner.query('insert into schema_state values ($1, $2) on conflict (key) do update set value = $2', [
      key,
      hash,
    ]);
    await runner.commitTransaction();
  } catch (error) {
    await runner.rollbackTransaction();
    throw error;
  }
}

/** After a restore into a younger cluster its transaction ids would run behind the ledger: continue above it. */
async function liftLedgerPosition(runner: QueryRunner): Promise<void> {
  const [row] = await runner.query(
    `select event_position_offset() as "offset", event_position() as current,
            (select max(position) from (select (select max(e.position) from events e where e.organization_id = o.id) as position
                                          from organizations o) p) as last`,
  );
  const missing = BigInt(row.last ?? 0) - BigInt(row.current);
  if (missing <= 0n) return;
  const offset = BigInt(row.offset) + missing + 1n;
  await runner.query(
    `create or replace function event_position_offset() returns bigint language sql immutable as 'select ${offset}::bigint'`,
  );
}
