import type { Database } from '@houston/common/db/database.js';

/** Does something for every organization in turn; what fails for one is told at the end and keeps nobody else waiting. */
export async function forEachOrganization(db: Database, act: (organizationId: string) => Promise<void>): Promise<void> {
  const errors: unknown[] = [];
  for (const organizationId of await db.organizationIds()) {
    await act(organizationId).catch((error: unknown) => errors.push(error));
  }
  if (errors.length === 1) throw errors[0];
  if (errors.length > 1) throw new AggregateError(errors, `failed for ${errors.length} organizations`);
}
