import { appendEvent, type NewEvent } from '@houston/common/events/event-log.js';
import { type ChainVerdict, verifyChain } from '@houston/common/events/verify-chain.js';
import { anEvent } from '../../../../test/factories/event.js';
import { administer, openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { SealEvents } from './seal-events.js';

describe('the sealed chain of events', () => {
  let test: TestDatabase;
  let sealer: SealEvents;

  beforeEach(async () => {
    test = await openTestDatabase();
    sealer = new SealEvents(test.database);
  });
  afterEach(() => test.close());

  const append = (count: number, overrides: Partial<NewEvent> = {}) =>
    test.database.inWorkspace({ organizationId: test.organizationId, workspaceId: test.workspaceId }, async (tx) => {
      for (let n = 0; n < count; n++) await appendEvent(tx, anEvent(overrides));
    });
  const verify = (): Promise<ChainVerdict> => test.database.inOrganization(test.organizationId, verifyChain);
  const tamper = (sql: string) =>
    administer(test.url, async (client) => {
      await client.query('set session_replication_role = replica');
      const { rowCount } = await client.query(sql);
      if (rowCount === 0) throw new Error('nothing was tampered with');
    });
  /** Suites on the same server may hold the horizon back for a moment. */
  const sealAll = () =>
    until(async () => {
      await sealer.runOnce();
      return (await verify()).unsealed === 0;
    });
  const seqs = async (): Promise<string[]> => {
    const rows = await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query<{ seq: string }>('select seq from events order by position, seq'),
    );
    return rows.map((row) => row.seq);
  };
  /** Three seals: the owner key's event and two batches of three. */
  async function threeSeals(): Promise<string[]> {
    await sealAll();
    for (const count of [3, 3]) {
      await append(count);
      await sealAll();
    }
    return seqs();
  }

  it('finds an untouched ledger whole, and tells what is not sealed yet', async () => {
    await threeSeals();
    await append(2);
    expect(await verify()).toMatchObject({ ok: true, checked: 7, unsealed: 2 });
    await sealAll();
    expect(await verify()).toMatchObject({ ok: true, checked: 9, unsealed: 0 });
  });

  it('has no fault to find in an empty chain', async () => {
    expect(await verify()).toMatchObject({ ok: true, checked: 0, unsealed: 1 });
  });

  it('seals no event twice, however many sealers work at once', async () => {
    await append(50);
    await until(async () => {
      await Promise.all(Array.from({ length: 6 }, () => new SealEvents(test.database).runOnce()));
      return (await verify()).unsealed === 0;
    });
    expect(await verify()).toMatchObject({ ok: true, checked: 51 });
  });

  it('splits what is more than one seal holds', async () => {
    await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query(
        `insert into events (organization_id, id, type, actor, subject, data)
         select $1, gen_random_uuid(), 'agent.updated', 'system', 'agent:' || n, '{}' from generate_series(1, 2500) n`,
        [tx.organizationId],
      ),
    );
    await sealAll();
    expect(await verify()).toMatchObject({ ok: true, checked: 2501 });
    const [seals] = await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query<{ count: number; most: number }>(
        'select count(*)::int as count, max(cardinality(seqs)) as most from event_seals',
      ),
    );
    expect(seals).toEqual({ count: 3, most: 1_000 });
  });

  it.each([
    ['its data', `data = data || '{"x": 1}'`],
    ['a digit that JavaScript cannot keep', `data = '{"n": 12345678901234567891}'`],
    ['its type', `type = 'agent.deleted'`],
    ['its actor', `actor = 'key:other'`],
    ['its subject', `subject = 'agent:other'`],
    ['its time by a microsecond', `time = time + interval '1 microsecond'`],
    ['its id', 'id = gen_random_uuid()'],
    ['its workspace', 'workspace_id = null'],
    ['the money it held', 'held_delta = 1'],
    ['the money it spent', 'spent_delta = 0'],
    ['the overage it caused', 'overage_delta = 1'],
    ['the money nothing covered', 'unreserved_delta = -1'],
    ['the budgets it counted in', 'budget_ids = array[id]'],
    ['the windows it counted in', `window_starts = array['2026-01-01T00:00:00Z'::timestamptz]`],
  ])('names the first event of which somebody changed %s', async (_what, assignment) => {
    await append(1, { data: { n: 1 } });
    await sealAll();
    await append(1, { data: { n: 2 } });
    await tamper(`update events set data = '{"n": 12345678901234567890}' where data->>'n' = '2'`);
    await sealAll();
    const last = (await seqs()).at(-1);
    expect((await verify()).ok).toBe(true);
    await tamper(`update events set ${assignment} where seq = ${last}`);
    expect(await verify()).toMatchObject({ ok: false, checked: 3, firstFault: { seq: last, reason: 'changed' } });
  });

  it.each([
    ['the first of a seal', 1],
    ['one in the middle', 2],
    ['the last of a seal', 3],
  ])('names a removed event: %s', async (_where, index) => {
    const seq = (await threeSeals())[index];
    await tamper(`delete from events where seq = ${seq}`);
    expect(await verify()).toMatchObject({ ok: false, firstFault: { seq, reason: 'removed' } });
  });

  it('names an event that was inserted among sealed ones', async () => {
    const all = await threeSeals();
    await tamper(
      `insert into events (organization_id, workspace_id, position, seq, id, type, actor, subject, data)
       overriding system value
       select organization_id, workspace_id, position, 999999, gen_random_uuid(), type, actor, subject, data
         from events where seq = ${all[1]}`,
    );
    expect(await verify()).toMatchObject({ ok: false, firstFault: { seq: '999999', reason: 'inserted' } });
  });

  it('notices two events that changed places', async () => {
    const all = await threeSeals();
    await tamper(`update events set position = position + 1 where seq = ${all[4]}`);
    const { ok, firstFault } = await verify();
    expect(ok).toBe(false);
    expect(firstFault?.seq).toBe(all[4]);
  });

  it.each([
    ['a hash of it is another', `update event_seals set hashes[2] = repeat('0', 64) where number = 2`, 2],
    ['an event is missing from it', 'update event_seals set seqs = seqs[2:], hashes = hashes[2:] where number = 2', 1],
    ['it is gone', 'delete from event_seals where number = 2', 4],
    ['its end was moved', 'update event_seals set last_position = last_position + 1000000 where number = 2', 4],
  ])('notices a tampered seal: %s', async (_what, sql, index) => {
    const all = await threeSeals();
    await tamper(sql);
    const { ok, firstFault } = await verify();
    expect(ok).toBe(false);
    expect(firstFault?.seq).toBe(all[index]);
  });

  it('is not for a workspace, which sees gaps', async () => {
    const scope = { organizationId: test.organizationId, workspaceId: test.workspaceId };
    await expect(test.database.inWorkspace(scope, verifyChain)).rejects.toThrow(/whole organization/);
  });

  it('cannot be changed by the application, which may only add', async () => {
    await threeSeals();
    const change = (sql: string) => test.database.inOrganization(test.organizationId, (tx) => tx.query(sql));
    for (const table of ['events', 'event_seals']) {
      await expect(change(`update ${table} set organization_id = organization_id`)).rejects.toThrow(/denied/);
      await expect(change(`delete from ${table}`)).rejects.toThrow(/denied/);
      await expect(change(`truncate ${table}`)).rejects.toThrow(/denied/);
    }
  });

  it('cannot be changed by the owner of the tables either, unless the triggers are switched off', async () => {
    await threeSeals();
    for (const sql of ['update events set type = type', 'delete from event_seals', 'truncate events']) {
      await expect(administer(test.url, (client) => client.query(sql))).rejects.toThrow(/append-only/);
    }
  });
});
