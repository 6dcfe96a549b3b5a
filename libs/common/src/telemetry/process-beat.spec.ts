import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import type { Duties } from '../duties/duties.module.js';
import { ProcessBeat } from './process-beat.js';

describe('the beat of a process', () => {
  let test: TestDatabase;
  let beat: ProcessBeat;
  const states = { relay: { lastSuccessAt: new Date('2026-11-21T10:00:00Z'), failures: 0 } };

  beforeAll(async () => {
    test = await openTestDatabase();
    beat = new ProcessBeat('scheduler', test.database, { states } as unknown as Duties);
  });
  afterAll(() => test.close());

  const rows = () =>
    test.database.statement<{ name: string; instance: string; stats: Record<string, unknown> }>(
      'select name, instance, stats from processes order by name',
    );

  it('keeps one row per process, with its memory and the last success of each duty', async () => {
    await beat.runOnce();
    await beat.runOnce();
    expect(await rows()).toEqual([
      {
        name: 'scheduler',
        instance: beat.instance,
        stats: {
          rssBytes: expect.any(Number),
          duties: { relay: { lastSuccessAt: '2026-11-21T10:00:00.000Z', failures: 0 } },
        },
      },
    ]);
  });

  it('forgets processes that died an hour ago, but not those that are late', async () => {
    await test.database.statement(
      `insert into processes (name, instance, beat_at) values
       ('a-dead', 'x:1', now() - interval '61 minutes'), ('b-late', 'x:2', now() - interval '59 minutes')`,
    );
    await beat.runOnce();
    expect((await rows()).map((row) => row.name)).toEqual(['b-late', 'scheduler']);
  });

  it('takes its row away when it stops', async () => {
    await beat.beforeApplicationShutdown();
    expect((await rows()).map((row) => row.name)).toEqual(['b-late']);
  });
});
