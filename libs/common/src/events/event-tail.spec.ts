import { randomUUID } from 'node:crypto';
import { anEvent } from '../../../../test/factories/event.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { untilSettled } from '../../../../test/support/settled.js';
import { until } from '../../../../test/support/until.js';
import { appendEvent } from './event-log.js';
import type { LedgerEvent } from './event-reader.js';
import type { EventSubscription, SubscriptionOptions } from './event-subscription.js';
import { EventTail } from './event-tail.js';

describe('the live feed of the ledger', () => {
  let test: TestDatabase;
  let tail: EventTail;

  beforeAll(async () => {
    test = await openTestDatabase();
  });
  afterAll(() => test.close());

  beforeEach(() => {
    tail = new EventTail(test.database);
  });
  afterEach(() => tail.onModuleDestroy());

  const append = async (...subjects: string[]) => {
    for (const subject of subjects) {
      await test.database.inWorkspace({ organizationId: test.organizationId, workspaceId: test.workspaceId }, (tx) =>
        appendEvent(tx, anEvent({ subject })),
      );
    }
  };
  const follow = async (options: Partial<SubscriptionOptions> = {}) => {
    const subscription = await tail.subscribe({ organizationId: test.organizationId, workspaceId: null, ...options });
    return { subscription, seen: collect(subscription) };
  };
  const subjects = (events: readonly LedgerEvent[]) => events.map((event) => event.subject);
  const names = (prefix: string, count: number) => Array.from({ length: count }, (_, n) => `${prefix}:${n}`);

  it('hands on what happens from now on, to every follower, and nothing of before', async () => {
    await append('before:0');
    await untilSettled(test.database, test.organizationId);
    const [one, two] = await Promise.all([follow(), follow()]);
    await append(...names('live', 3));
    await until(() => one.seen.length >= 3 && two.seen.length >= 3);
    expect(subjects(one.seen)).toEqual(names('live', 3));
    expect(subjects(two.seen)).toEqual(names('live', 3));
  });

  it('continues after an event without a gap or a repetition, while new ones keep coming', async () => {
    const first = await follow();
    await append(...names('past', 5));
    await until(() => first.seen.length === 5);
    const writing = append(...names('flood', 300));
    const second = await follow({ afterSeq: first.seen[1]?.seq });
    await append('last:0');
    await writing;
    await until(() => second.seen.length >= 304 && first.seen.length >= 306);
    expect(subjects(second.seen)).toEqual(subjects(first.seen).slice(2));
    expect(new Set(subjects(second.seen)).size).toBe(304);
  });

  it('begins with the first event when it is told to continue after 0', async () => {
    const first = await follow();
    await append(...names('early', 3));
    await until(() => subjects(first.seen).includes('early:2'));
    const second = await follow({ afterSeq: '0' });
    await append('late:0');
    await until(() => subjects(second.seen).includes('late:0'));
    expect(subjects(second.seen).slice(-4)).toEqual([...names('early', 3), 'late:0']);
    expect(subjects(second.seen)).toContain('before:0');
  });

  it('begins with the present when it is told to continue after an event that does not exist', async () => {
    for (const afterSeq of ['999999999999', 'not a number', '-1', '99999999999999999999999']) {
      const { seen, subscription } = await follow({ afterSeq });
      await append('present:0');
      await until(() => seen.length > 0);
      expect(subjects(seen)).toEqual(['present:0']);
      subscription.close();
    }
  });

  it('keeps a workspace to itself, and shows it the organization only when asked', async () => {
    const other = { organizationId: test.organizationId, workspaceId: randomUUID() };
    await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'other', 'Other')`, [
        other.organizationId,
        other.workspaceId,
      ]),
    );
    const alone = await follow({ workspaceId: test.workspaceId });
    const withOrganization = await follow({ workspaceId: test.workspaceId, withOrganization: true });
    await test.database.inWorkspace(other, (tx) => appendEvent(tx, anEvent({ subject: 'foreign:0' })));
    await test.database.inOrganization(test.organizationId, (tx) => appendEvent(tx, anEvent({ subject: 'shared:0' })));
    await append('own:0');
    await until(() => alone.seen.length >= 1 && withOrganization.seen.length >= 2);
    expect(subjects(alone.seen)).toEqual(['own:0']);
    expect(subjects(withOrganization.seen)).toEqual(['shared:0', 'own:0']);
  });

  it('hands on only what the filter accepts', async () => {
    const { seen } = await follow({ accepts: (event) => event.subject.endsWith(':2') });
    await append(...names('filtered', 4));
    await append('end:2');
    await until(() => seen.length >= 2);
    expect(subjects(seen)).toEqual(['filtered:2', 'end:2']);
  });

  it('cuts off a follower that does not keep up, and lets it come back without a loss', async () => {
    const { seen } = await follow();
    const slow = await tail.subscribe({ organizationId: test.organizationId, workspaceId: null, maxWaiting: 10 });
    await append(...names('fast', 11));
    await until(() => slow.ended);
    expect(slow.ended).toBe('slow');
    expect(tail.size).toBe(1);
    await until(() => seen.length === 11);
    const back = await follow({ afterSeq: seen[0]?.seq, maxWaiting: 10 });
    await until(() => back.seen.length === 10);
    expect(subjects(back.seen)).toEqual(names('fast', 11).slice(1));
  });

  it('ends every follower when the process stops, and asks the database nothing more', async () => {
    const { subscription, seen } = await follow();
    tail.onModuleDestroy();
    await until(() => subscription.ended);
    expect(subscription.ended).toBe('stopped');
    expect(tail.size).toBe(0);
    await append('after:0');
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(seen).toEqual([]);
  });

  it('leaves nothing behind when a follower goes away in the middle of its loop', async () => {
    const subscription = await tail.subscribe({ organizationId: test.organizationId, workspaceId: null });
    await append('only:0');
    for await (const event of subscription) {
      expect(event.subject).toBe('only:0');
      break;
    }
    expect(subscription.ended).toBe('closed');
    expect(tail.size).toBe(0);
  });
});

/** Takes every event as it comes. */
function collect(subscription: EventSubscription): LedgerEvent[] {
  const seen: LedgerEvent[] = [];
  void (async () => {
    for await (const event of subscription) seen.push(event);
  })();
  return seen;
}
