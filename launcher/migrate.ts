/*
 * Brings the database up to date and makes the first owner key: a program of its own, run by the launcher before the
 * services and by docker-compose as a one-shot container. With a channel to its parent the key goes there; without one
 * it is printed, because it is shown nowhere else.
 */
import { firstRun } from '@houston/common/auth/first-run.js';
import { ConfigFaults } from '@houston/common/config/config-faults.js';
import { readConfig } from '@houston/common/config/config.js';
import { migrate } from '@houston/common/db/migrate.js';

/** What the launcher hears from this program. */
export interface Migrated {
  type: 'migrated';
  ownerKey: string | null;
}

async function main(): Promise<void> {
  const { databaseUrl, ownerKey: fixedKey } = readConfig();
  await migrate(databaseUrl);
  const { ownerKey } = await firstRun(databaseUrl, { ownerKey: fixedKey });
  const answer: Migrated = { type: 'migrated', ownerKey };
  if (process.send !== undefined) process.send(answer, () => process.disconnect());
  else if (ownerKey !== null && ownerKey !== fixedKey) console.log(`Owner key (shown only now): ${ownerKey}`);
}

main().catch((error: unknown) => {
  console.error(error instanceof ConfigFaults ? error.message : error);
  process.exitCode = 1;
  if (process.connected) process.disconnect();
});
