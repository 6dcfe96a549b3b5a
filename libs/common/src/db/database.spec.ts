import { DataSource } from 'typeorm';
import { administer, openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { bootFaults, refuseUnsafeDatabase } from './boot-check.js';
import { connect } from './data-source.js';

describe('the door to Postgres', () => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  it('hands each suite a database of its own', async () => {
    const other = await openTestDatabase();
    expect(other.organizationId).not.toBe(test.organizationId);
    expect(other.ownerKey).toMatch(/^hou_/);
    await other.close();
  });

  it('reads what was committed while it waited, whatever isolation the server defaults to', async () => {
    const strict = await openTestDatabase();
    await administer(strict.url, (client) =>
      client.query(`do $$ begin execute format('alter database %I set default_transaction_isolation to serializable',
                                               current_database()); end $$`),
    );
    const dataSource = await connect(strict.url, 1);
    expect(await dataSource.query('show transaction_isolation')).toEqual([{ transaction_isolation: 'read committed' }]);
    await dataSource.destroy();
    await strict.close();
  });

  it('commits what an act wrote and rolls back all of it when the act throws', async () => {
    const insert = (name: string) => (tx: Parameters<Parameters<typeof test.database.inOrganization>[1]>[0]) =>
      tx.query('insert into agents (organization_id, id, name) values ($1, gen_random_uuid(), $2)', [
        tx.organizationId,
        name,
      ]);
    await test.database.inOrganization(test.organizationId, insert('kept'));
    const failing = test.database.inOrganization(test.organizationId, async (tx) => {
      await insert('lost')(tx);
      throw new Error('no');
    });
    await expect(failing).rejects.toThrow('no');
    const names = await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query<{ name: string }>('select name from agents'),
    );
    expect(names).toEqual([{ name: 'kept' }]);
  });

  it('refuses to speak for a second tenant within one transaction', async () => {
    const crossing = test.database.inOrganization(test.organizationId, (tx) =>
      tx.query('select enter_tenant($1, null)', ['00000000-0000-4000-8000-000000000000']),
    );
    await expect(crossing).rejects.toThrow(/may not enter/);
  });

  it('finds no fault with a migrated database under the application role', async () => {
    expect(await bootFaults(test.dataSource)).toEqual([]);
  });

  it('refuses to start as superuser', async () => {
    const asOwner = await new DataSource({ type: 'postgres', url: test.url }).initialize();
    await expect(refuseUnsafeDatabase(asOwner)).rejects.toThrow(/superuser/);
    await asOwner.destroy();
  });

  it('names the table whose wall was lowered, and the one that nobody put into the catalogue', async () => {
    const other = await openTestDatabase();
    await administer(other.url, (client) =>
      client.query('alter table budgets no force row level security; create table stray (id int)'),
    );
    const faults = await bootFaults(other.dataSource);
    expect(faults).toHaveLength(2);
    expect(faults.join()).toMatch(/budgets lacks.*stray is in no catalogue/);
    await other.close();
  });

  it('hides everything from a connection that entered no tenant', async () => {
    const naked = await connect(test.url, 1);
    expect(await naked.query('select * from workspaces')).toEqual([]);
    expect(await naked.query('select * from api_keys')).toEqual([]);
    await naked.destroy();
  });
});
