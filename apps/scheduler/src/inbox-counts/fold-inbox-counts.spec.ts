import fc from 'fast-check';
import { v7 as newId } from 'uuid';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { FoldInboxCounts } from './fold-inbox-counts.js';

let db: TestDatabase;

beforeAll(async () => {
  db = await openTestDatabase();
});
afterAll(() => db.close());

const query = <Row>(sql: string, parameters: unknown[] = []) =>
  db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));

/** What a person who counts the tasks one by one finds. */
const COUNTED = `
  select bucket, count(*)::int as count
    from (select case when open_dependencies > 0 then 'dependency' when approval_id is not null then 'approval'
                      when next_retry_at is null then priority when retry_reason = 'quota' then 'quota' else 'retry' end as bucket
            from tasks where status = 'inbox') t group by bucket order by bucket`;
const SUMMED = `
  select bucket, sum(delta)::int as count from inbox_counts group by bucket having sum(delta) <> 0 order by bucket`;

const CHANGES = [
  `update tasks set priority = case priority when 'low' then 'urgent' else 'low' end where status = 'inbox'`,
  `update tasks set open_dependencies = 1 - open_dependencies where status = 'inbox' and id::text < $1`,
  `update tasks set approval_id = case when approval_id is null then id end where status = 'inbox' and id::text > $1`,
  `update tasks set next_retry_at = now(), retry_reason = 'quota' where status = 'inbox' and id::text < $1`,
  `update tasks set next_retry_at = now(), retry_reason = 'backoff' where status = 'inbox' and id::text > $1`,
  `update tasks set next_retry_at = null, retry_reason = null where id::text > $1`,
  `update tasks set status = 'blocked', blocker_reason = 'x', next_retry_at = null, retry_reason = null where status = 'inbox' and id::text < $1`,
  `update tasks set status = 'inbox' where status = 'blocked' and id::text > $1`,
  `update tasks set status = 'cancelled', ended_at = now(), next_retry_at = null, retry_reason = null where ended_at is null and id::text > $1`,
  `update tasks set title = title || '.' where char_length(title) < 400`,
];

async function makeTasks(count: number) {
  await query(
    `insert into tasks (organization_id, workspace_id, id, title, priority, dispatch_at, created_by)
     select $1, $2, gen_random_uuid(), 'Work', (array['urgent', 'high', 'normal', 'low'])[1 + n % 4], now(), 'system'
       from generate_series(1, $3) n`,
    [db.organizationId, db.workspaceId, count],
  );
}

describe('the counts of an inbox', () => {
  const change = fc.record({
    sql: fc.constantFrom(...CHANGES),
    pivot: fc.integer({ min: 0, max: 15 }).map((digit) => digit.toString(16)),
    made: fc.integer({ min: 0, max: 3 }),
    folded: fc.boolean(),
  });

  it('are what one finds by counting, after any change, folded or not', async () => {
    const duty = new FoldInboxCounts(db.database);
    await fc.assert(
      fc.asyncProperty(fc.array(change, { minLength: 1, maxLength: 12 }), async (changes) => {
        for (const { sql, pivot, made, folded } of changes) {
          await makeTasks(made);
          await query(sql, sql.includes('$1') ? [pivot] : []);
          if (folded) await duty.runOnce();
          expect(await query(SUMMED)).toEqual(await query(COUNTED));
        }
      }),
      { numRuns: 15 },
    );
  });

  it('are folded by several at once without losing any, and then are few', async () => {
    for (let n = 0; n < 20; n += 1) await makeTasks(3);
    const before = await query(SUMMED);
    const folding = Array.from({ length: 4 }, () => new FoldInboxCounts(db.database).runOnce());
    await Promise.all([...folding, ...Array.from({ length: 4 }, () => makeTasks(4))]);
    await new FoldInboxCounts(db.database).runOnce();
    expect(await query(SUMMED)).not.toEqual(before);
    expect(await query(SUMMED)).toEqual(await query(COUNTED));
    expect((await query('select 1 from inbox_counts')).length).toBeLessThanOrEqual(8);
  });

  it('are left alone when there is nothing to fold', async () => {
    await makeTasks(8);
    await new FoldInboxCounts(db.database).runOnce();
    const written = await query('select xmin::text, bucket from inbox_counts order by bucket');
    expect(await new FoldInboxCounts(db.database).runOnce()).toEqual({ folded: 0 });
    expect(await query('select xmin::text, bucket from inbox_counts order by bucket')).toEqual(written);
  });

  it('go with their workspace', async () => {
    const id = newId();
    await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'gone', 'Gone')`, [
      db.organizationId,
      id,
    ]);
    await query(
      `insert into tasks (organization_id, workspace_id, id, title, priority, dispatch_at, created_by)
       values ($1, $2, gen_random_uuid(), 'Work', 'low', now(), 'system')`,
      [db.organizationId, id],
    );
    expect(await query('select delta from inbox_counts where workspace_id = $1', [id])).toHaveLength(1);
    await query('delete from workspaces where id = $1', [id]);
    expect(await query('select delta from inbox_counts where workspace_id = $1', [id])).toEqual([]);
  });
});
