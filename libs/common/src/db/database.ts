import { Injectable } from '@nestjs/common';
import { InjectDataSource } from '@nestjs/typeorm';
import { DataSource, type EntityManager } from 'typeorm';

/** A transaction and the tenant it speaks for. `workspaceId` null: the whole organization. */
export interface Tx {
  readonly organizationId: string;
  readonly workspaceId: string | null;
  readonly manager: EntityManager;
  /** Runs SQL in this transaction. @returns the rows */
  query<Row>(sql: string, parameters?: unknown[]): Promise<Row[]>;
}

/** A workspace and the organization it belongs to. */
export interface WorkspaceScope {
  readonly organizationId: string;
  readonly workspaceId: string;
}

/**
 * The door to Postgres. Every access happens in a transaction that speaks for one tenant; row level security hides the
 * rest. A transaction is passed on as an argument and never opened inside another.
 */
@Injectable()
export class Database {
  constructor(@InjectDataSource() readonly dataSource: DataSource) {}

  /** Runs `act` in one transaction of a workspace; commits when it returns, rolls back when it throws. */
  inWorkspace<T>(scope: WorkspaceScope, act: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transact(scope.organizationId, scope.workspaceId, act);
  }

  /** As `inWorkspace`, over all workspaces of one organization. */
  inOrganization<T>(organizationId: string, act: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transact(organizationId, null, act);
  }

  /** Every organization of this installation, for background duties that walk over them. */
  async organizationIds(): Promise<string[]> {
    const rows: { id: string }[] = await this.dataSource.query('select id from organizations order by id');
    return rows.map((row) => row.id);
  }

  /** One statement outside any tenant: ledger calls that enter the tenant themselves, and shared tables. */
  async statement<Row>(sql: string, parameters?: unknown[]): Promise<Row[]> {
    return this.dataSource.query(sql, parameters);
  }

  private async transact<T>(
    organizationId: string,
    workspaceId: string | null,
    act: (tx: Tx) => Promise<T>,
  ): Promise<T> {
    return this.dataSource.transaction(async (manager) => {
      await manager.query('select enter_tenant($1, $2)', [organizationId, workspaceId]);
      return act({
        organizationId,
        workspaceId,
        manager,
        query: <Row>(sql: string, parameters?: unknown[]) => rowsOf<Row>(manager, sql, parameters),
      });
    });
  }
}

/** TypeORM answers [rows, count] to UPDATE and DELETE, and rows to everything else. */
async function rowsOf<Row>(manager: EntityManager, sql: string, parameters?: unknown[]): Promise<Row[]> {
  const answer: unknown = await manager.query(sql, parameters);
  if (Array.isArray(answer) && answer.length === 2 && Array.isArray(answer[0]) && typeof answer[1] === 'number') {
    return answer[0] as Row[];
  }
  return answer as Row[];
}
