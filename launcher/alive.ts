/*
 * The health check of a container whose service has no HTTP: exit code 0 when the service of this host has beaten within
 * the last 20 s, 1 when not. A service beats every 5 s.
 */
import { hostname } from 'node:os';
import pg from 'pg';
import { readConfig } from '@houston/common/config/config.js';

async function main(service: string | undefined): Promise<boolean> {
  const client = new pg.Client({ connectionString: readConfig().databaseUrl, connectionTimeoutMillis: 3_000 });
  await client.connect();
  try {
    const { rowCount } = await client.query(
      "select 1 from processes where name = $1 and instance like $2 and beat_at > now() - interval '20 seconds'",
      [service, `${hostname()}:%`],
    );
    return (rowCount ?? 0) > 0;
  } finally {
    await client.end();
  }
}

main(process.argv[2]).then(
  (alive) => process.exit(alive ? 0 : 1),
  (error: unknown) => {
    console.error(error);
    process.exit(1);
  },
);
