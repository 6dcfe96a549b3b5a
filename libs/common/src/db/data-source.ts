import { DataSource, type DataSourceOptions } from 'typeorm';
import { APPLICATION_ROLE } from '../config/application-role.js';
import { ApiKeyEntity } from './entities/api-key.entity.js';
import { BudgetEntity } from './entities/budget.entity.js';
import { PriceOverrideEntity } from './entities/price-override.entity.js';
import { WorkspaceEntity } from './entities/workspace.entity.js';

/**
 * Options of a connection that works as the application role, whoever `databaseUrl` logs in as: the role is part of
 * the connection's start-up packet, so no query ever runs as somebody else.
 *
 * @param poolSize connections at the most (default 10)
 */
export function applicationDataSourceOptions(databaseUrl: string, poolSize = 10): DataSourceOptions {
  return {
    type: 'postgres',
    url: databaseUrl,
    poolSize,
    entities: [ApiKeyEntity, BudgetEntity, PriceOverrideEntity, WorkspaceEntity],
    extra: {
      // The ledger waits for a lock and then reads what was committed meanwhile: a server whose default is a stricter
      // isolation would show it the past.
      options:
        `-c role=${APPLICATION_ROLE} -c timezone=UTC -c idle_in_transaction_session_timeout=60000 ` +
        '-c default_transaction_isolation=read\\ committed',
      application_name: 'houston',
      connectionTimeoutMillis: 10_000,
    },
  };
}

/** A connected data source of the application role; the caller destroys it. */
export async function connect(databaseUrl: string, poolSize?: number): Promise<DataSource> {
  return new DataSource(applicationDataSourceOptions(databaseUrl, poolSize)).initialize();
}
