import { anEvent } from '../../../../test/factories/event.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { until } from '../../../../test/support/until.js';
import { appendEvent } from './event-log.js';
import {
  compareCursors,
  LEDGER_START,
  ledgerEnd,
  placeOf,
  readEvents,
  type EventCursor,
  type LedgerEvent,
} from './event-reader.js';
import { eventView } from './event.view.js';

describe('the reader of the ledger', () => {
  let test: TestDatabase;

  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  const scope = () => ({ organizationId: test.organizationId, workspaceId: test.workspaceId });
  const read = (cursor: EventCursor, limit = 1_000) =>
    test.database.inOrganization(test.organizationId, (tx) => readEvents(tx, cursor, limit));
  /** Suites on the same server may hold the horizon back for a moment. */
  const readAll = (cursor: EventCursor, count: number) =>
    until(async () => {
      const events = await read(cursor);
      return events.length >= count && events;
    });
  const end = () => test.database.inOrganization(test.organizationId, ledgerEnd);
  const append = (subject: string) => test.database.inWorkspace(scope(), (tx) => appendEvent(tx, anEvent({ subject })));
  const subjects = (events: readonly LedgerEvent[]) => events.map((event) => event.subject);

  /** A transaction that has written and stays open until told. */
  async function openTransaction(subject: string): Promise<() => Promise<void>> {
    let finish = (): void => undefined;
    let written = (): void => undefined;
    const hasWritten = new Promise<void>((resolve) => (written = resolve));
    const done = test.database.inWorkspace(scope(), async (tx) => {
      await appendEvent(tx, anEvent({ subject }));
      written();
      await new Promise<void>((resolve) => (finish = resolve));
    });
    await hasWritten;
    return () => {
      finish();
      return done;
    };
  }

  it('misses no event that commits late: later ones wait until it has', async () => {
    const start = await end();
    const commitEarly = await openTransaction('agent:early');
    await append('agent:late');
    expect(subjects(await read(start))).toEqual([]);
    await commitEarly();
    expect(subjects(await readAll(start, 2))).toEqual(['agent:early', 'agent:late']);
  });

  it('reads every event exactly once while many transactions of different length commit', async () => {
    let cursor = await end();
    const seen: string[] = [];
    const writers = Array.from({ length: 8 }, async (_, writer) => {
      for (let n = 0; n < 12; n++) {
        await test.database.inWorkspace(scope(), async (tx) => {
          await appendEvent(tx, anEvent({ subject: `run:${writer}-${n}` }));
          if (n % 3 === 0) await tx.query('select pg_sleep(0.005)');
        });
      }
    });
    await until(async () => {
      const events = await read(cursor);
      seen.push(...subjects(events));
      cursor = events.at(-1) ?? cursor;
      return seen.length >= 96;
    });
    await Promise.all(writers);
    expect(await read(cursor)).toEqual([]);
    expect(seen).toHaveLength(96);
    expect(new Set(seen).size).toBe(96);
  });

  it('pages without a gap or a repetition', async () => {
    const start = await end();
    for (const n of [1, 2, 3, 4, 5]) await append(`agent:page-${n}`);
    await readAll(start, 5);
    const first = await read(start, 2);
    const second = await read(first[1] ?? start, 2);
    const third = await read(second[1] ?? start, 2);
    expect(subjects([...first, ...second, ...third])).toEqual([1, 2, 3, 4, 5].map((n) => `agent:page-${n}`));
  });

  it('finds the place of an event by its seq, of a whole organization too, and none for a seq that is not there', async () => {
    const start = await end();
    await append('agent:place');
    await test.database.inOrganization(test.organizationId, (tx) => appendEvent(tx, anEvent({ subject: 'key:place' })));
    const [inWorkspace, inOrganization] = await readAll(start, 2);
    const place = (seq: string) => test.database.inOrganization(test.organizationId, (tx) => placeOf(tx, seq));
    expect(inOrganization?.workspaceId).toBeNull();
    for (const event of [inWorkspace, inOrganization]) {
      expect(await place(event?.seq ?? '')).toEqual({ position: event?.position, seq: event?.seq });
    }
    expect(await place('999999999')).toBeNull();
    expect(compareCursors(inWorkspace ?? start, inOrganization ?? start)).toBe(-1);
    expect(compareCursors(start, start)).toBe(0);
    expect(compareCursors(start, LEDGER_START)).toBe(1);
  });

  it('shows a workspace only its own', async () => {
    await test.database.inOrganization(test.organizationId, (tx) =>
      appendEvent(tx, anEvent({ subject: 'key:hidden' })),
    );
    const events = await test.database.inWorkspace(scope(), (tx) => readEvents(tx, LEDGER_START, 1_000));
    expect(events.length).toBeGreaterThan(0);
    expect(events.every((event) => event.workspaceId === test.workspaceId)).toBe(true);
  });

  it('shows an event in one shape, with a seq beyond 2^53 unrounded', async () => {
    await untilSettled(test.database, test.organizationId);
    const start = await end();
    await append('agent:shape');
    const [event] = await readAll(start, 1);
    if (!event) throw new Error('nothing was read');
    expect(eventView(event, 'default')).toEqual({
      id: event.id,
      seq: Number(event.seq),
      type: 'agent.updated',
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/),
      workspace: 'default',
      actor: 'system',
      subject: 'agent:shape',
      data: { number: expect.any(Number) },
    });
    expect(eventView({ ...event, seq: '9007199254740993' }).seq).toBe('9007199254740993');
    expect(eventView(event).workspace).toBe(test.workspaceId);
  });
});
