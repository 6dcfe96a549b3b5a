import { Logger } from '@nestjs/common';
import { anEvent } from '../../../../test/factories/event.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import type { Tx } from '../db/database.js';
import type { Wakeup } from '../queues/queues.js';
import { appendEvent } from './event-log.js';
import type { LedgerEvent } from './event-reader.js';
import { EventRoute } from './event-route.js';
import { Relay } from './relay.js';

/** Writes an agent for each event it follows, so that its rows can be counted. */
class AgentPerEvent extends EventRoute {
  readonly name = 'agent per event';
  before: () => void = () => undefined;

  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<Wakeup[]> {
    const wakeups: Wakeup[] = [];
    for (const { id, subject } of events.filter((event) => event.type === 'agent.updated')) {
      await tx.query('insert into agents (organization_id, id, name) values ($1, $2, $3)', [
        tx.organizationId,
        id,
        subject,
      ]);
      const payload = { organizationId: tx.organizationId, workspaceId: 'w', deliveryId: id, endpointId: 'e' };
      wakeups.push({ queue: 'webhook-deliveries', payload, id: `delivery-${id}` });
    }
    this.before();
    return wakeups;
  }
}

describe('the relay', () => {
  let test: TestDatabase;
  let route: AgentPerEvent;
  let sent: Wakeup[];
  let agentsWhenSent: string[];

  beforeEach(async () => {
    test = await openTestDatabase();
    route = new AgentPerEvent();
    sent = [];
    agentsWhenSent = [];
    jest.spyOn(Logger.prototype, 'warn').mockImplementation();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await test.close();
  });

  const agents = async (): Promise<string[]> => {
    const rows = await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query<{ name: string }>('select name from agents order by name'),
    );
    return rows.map((row) => row.name);
  };
  const append = (...names: string[]) =>
    test.database.inWorkspace({ organizationId: test.organizationId, workspaceId: test.workspaceId }, async (tx) => {
      for (const name of names) await appendEvent(tx, anEvent({ subject: name }));
    });
  const queue = {
    add: async (wakeups: readonly Wakeup[]) => {
      agentsWhenSent = await agents();
      sent.push(...wakeups);
    },
  };
  const relay = () => new Relay(test.database, queue, [route]);
  /** Relays until so many events are through: suites on the same server may hold the horizon back for a moment. */
  const relayAll = async (count: number, by = relay()) => {
    let events = 0;
    await until(async () => (events += (await by.runOnce())['events'] ?? 0) >= count);
    return events;
  };

  it('lets the routes write, and wakes only after the commit', async () => {
    await append('one', 'two');
    expect(await relayAll(3)).toBe(3); // the owner key's event is the first of the ledger
    expect(await agents()).toEqual(['one', 'two']);
    expect(sent).toHaveLength(2);
    expect(agentsWhenSent).toEqual(['one', 'two']);
  });

  it('relays an event once, however often and by however many it is run', async () => {
    await append('one');
    const relayedBy = async (relays: number) => {
      const counts = await Promise.all(Array.from({ length: relays }, () => relay().runOnce()));
      return counts.reduce((sum, { events = 0 }) => sum + events, 0);
    };
    let events = 0;
    await until(async () => (events += await relayedBy(3)) >= 2);
    await append('two');
    await until(async () => (events += await relayedBy(2)) >= 3);
    expect(events).toBe(3);
    expect(await relay().runOnce()).toEqual({ events: 0 });
    expect(await agents()).toEqual(['one', 'two']);
    expect(sent).toHaveLength(2);
  });

  it('leaves no trace of a batch whose route failed, sends nothing for it, and repeats it', async () => {
    await append('one');
    route.before = () => {
      throw new Error('killed in the middle');
    };
    await expect(relayAll(2)).rejects.toThrow('1 organizations could not be relayed');
    expect(await agents()).toEqual([]);
    expect(sent).toEqual([]);
    route.before = () => undefined;
    await relayAll(2);
    expect(await agents()).toEqual(['one']);
  });

  it('keeps the rows when the queue cannot be reached, and does not repeat the batch', async () => {
    await append('one');
    const unreachable = new Relay(test.database, { add: () => Promise.reject(new Error('queue gone')) }, [route]);
    expect(await relayAll(2, unreachable)).toBe(2);
    expect(await relay().runOnce()).toEqual({ events: 0 });
    expect(await agents()).toEqual(['one']);
  });

  it('waits for an earlier transaction that is still running instead of passing it by', async () => {
    await relayAll(1);
    let finish = (): void => undefined;
    const scope = { organizationId: test.organizationId, workspaceId: test.workspaceId };
    let written = (): void => undefined;
    const hasWritten = new Promise<void>((resolve) => (written = resolve));
    const early = test.database.inWorkspace(scope, async (tx) => {
      await appendEvent(tx, anEvent({ subject: 'early' }));
      written();
      await new Promise<void>((resolve) => (finish = resolve));
    });
    await hasWritten;
    await append('late');
    expect(await relay().runOnce()).toEqual({ events: 0 });
    finish();
    await early;
    expect(await relayAll(2)).toBe(2);
    expect(sent.map((wakeup) => wakeup.id)).toHaveLength(2);
  });
});
