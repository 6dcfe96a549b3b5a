import { runMigrations } from 'bullmq';
import { Client } from 'pg';
import { APPLICATION_ROLE } from '../config/application-role.js';
import { QUEUE_SCHEMA } from './queue-schema.js';

/**
 * Brings the schema of the queues' Postgres backend up to date, and lets the application role work in it. The library
 * takes a lock of its own, so that callers at the same time wait for one another.
 *
 * @param databaseUrl a login that may create tables; the schema exists
 */
export async function migrateQueues(databaseUrl: string): Promise<void> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'houston migrator' });
  await client.connect();
  try {
    await runMigrations(client, QUEUE_SCHEMA);
    await client.query(
      `grant all on schema ${QUEUE_SCHEMA} to ${APPLICATION_ROLE};
       grant all on all tables in schema ${QUEUE_SCHEMA} to ${APPLICATION_ROLE};
       grant all on all sequences in schema ${QUEUE_SCHEMA} to ${APPLICATION_ROLE}`,
    );
  } finally {
    await client.end();
  }
}
