import type { DataSource } from 'typeorm';
import { SHARED_TABLES, TENANT_TABLES } from './tenant-tables.js';

const MAX_CLOCK_SKEW_MS = 5_000;

/**
 * What makes it unsafe to work on this database, as sentences; empty when all is well. Checked before any process
 * serves: the role, the wall around every table, and this machine's clock against the database's.
 */
export async function bootFaults(dataSource: DataSource): Promise<string[]> {
  return [...(await roleFaults(dataSource)), ...(await wallFaults(dataSource)), ...(await clockFaults(dataSource))];
}

/** Throws one error that names every fault. */
export async function refuseUnsafeDatabase(dataSource: DataSource): Promise<void> {
  const faults = await bootFaults(dataSource);
  if (faults.length > 0) throw new Error(`Houston refuses to start:\n- ${faults.join('\n- ')}`);
}

async function roleFaults(dataSource: DataSource): Promise<string[]> {
  const [role] = await dataSource.query(
    `select current_user as name, rolsuper or rolbypassrls as bypasses,
            exists (select 1 from pg_class where relowner = r.oid and relnamespace = 'public'::regnamespace) as owns
       from pg_roles r where rolname = current_user`,
  );
  if (role.bypasses) return [`role ${role.name} is a superuser or may bypass row level security`];
  if (role.owns) return [`role ${role.name} owns tables and could lower their walls`];
  return [];
}

async function wallFaults(dataSource: DataSource): Promise<string[]> {
  const tables: { name: string; walled: boolean; policies: number }[] = await dataSource.query(
    `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as walled,
            (select count(*)::int from pg_policy p where p.polrelid = c.oid) as policies
       from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace order by 1`,
  );
  const faults = tables.flatMap(({ name, walled, policies }) => {
    if (name in SHARED_TABLES) return [];
    if (!(name in TENANT_TABLES)) return [`table ${name} is in no catalogue: nobody decided who may see it`];
    return walled && policies > 0 ? [] : [`table ${name} lacks a forced row level security policy`];
  });
  const present = new Set(tables.map((table) => table.name));
  const missing = Object.keys(TENANT_TABLES).filter((name) => !present.has(name));
  return [...faults, ...missing.map((name) => `table ${name} is missing: run the migrations`)];
}

async function clockFaults(dataSource: DataSource): Promise<string[]> {
  const before = Date.now();
  const [row]: { now: Date }[] = await dataSource.query('select clock_timestamp() as now');
  const halfway = (before + Date.now()) / 2;
  const skewMs = Math.round(halfway - (row?.now.getTime() ?? 0));
  if (Math.abs(skewMs) <= MAX_CLOCK_SKEW_MS) return [];
  return [`this machine's clock is ${skewMs} ms off the database's (at most ${MAX_CLOCK_SKEW_MS} ms): synchronise it`];
}
