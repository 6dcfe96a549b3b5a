import type { Database } from '@houston/common/db/database.js';
import { until } from './until.js';

/**
 * Waits until every event of the organization lies below the horizon. Any transaction that writes anywhere on the server,
 * be it another suite's, holds the horizon back for as long as it lasts.
 */
export async function untilSettled(database: Database, organizationId: string): Promise<void> {
  await until(() =>
    database.inOrganization(organizationId, async (tx) => {
      const [row] = await tx.query<{ settled: boolean }>(
        'select not exists (select 1 from events where organization_id = $1 and position >= event_horizon()) as settled',
        [organizationId],
      );
      return row?.settled;
    }),
  );
}
