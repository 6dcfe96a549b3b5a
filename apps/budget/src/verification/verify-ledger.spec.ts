import { Logger } from '@nestjs/common';
import { appendEvent } from '@houston/common/events/event-log.js';
import { insertBudget } from '../../../../test/factories/budget.js';
import { administer, openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { SealEvents } from './seal-events.js';
import { VerifyLedger } from './verify-ledger.js';

interface Verdict {
  type: string;
  data: {
    counters: { ok: boolean; firstFault?: object };
    chain: { ok: boolean; checked: number; firstFault?: object };
  };
}

describe('the nightly proof of the ledger', () => {
  let db: TestDatabase;
  let duty: VerifyLedger;

  beforeEach(async () => {
    db = await openTestDatabase();
    duty = new VerifyLedger(db.database);
    await insertBudget(db);
    jest.spyOn(Logger.prototype, 'error').mockImplementation();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await db.close();
  });

  const verdicts = () =>
    db.database.inOrganization(db.organizationId, (tx) =>
      tx.query<Verdict>(`select type, data from events where type like 'ledger.%' order by seq`),
    );
  const tamper = (sql: string) =>
    administer(db.url, (client) => client.query(`set session_replication_role = replica; ${sql}`));
  const tomorrow = () => new Date(Date.now() + 86_400_000);

  it('is done once a night, whoever asks how often', async () => {
    const runs = await Promise.all([duty.runOnce(), new VerifyLedger(db.database).runOnce()]);
    expect(runs.reduce((sum, run) => sum + run.verified, 0)).toBe(1);
    expect(await duty.runOnce()).toEqual({ verified: 0, faulty: 0 });
    expect((await verdicts()).map((verdict) => verdict.type)).toEqual(['ledger.verified']);
  });

  it('is done again the next night', async () => {
    await duty.runOnce();
    await duty.runOnce(tomorrow());
    expect(await verdicts()).toHaveLength(2);
  });

  it('finds a counter that is not the sum of its entries', async () => {
    await tamper('update budget_windows set spent_nano = spent_nano + 1');
    expect(await duty.runOnce()).toEqual({ verified: 0, faulty: 1 });
    const [verdict] = await verdicts();
    expect(verdict?.type).toBe('ledger.fault_found');
    expect(verdict?.data.counters.firstFault).toMatchObject({ counter: 'spent', expected: '0', actual: '0.000000001' });
    expect(verdict?.data.chain.ok).toBe(true);
  });

  it('finds an event that was rewritten', async () => {
    await db.database.inOrganization(db.organizationId, (tx) =>
      appendEvent(tx, { type: 'note.made', actor: 'system', subject: 'note:1', data: { words: 'true' } }),
    );
    await new SealEvents(db.database).runOnce();
    await tamper(`update events set data = '{"words": "false"}' where type = 'note.made'`);
    expect(await duty.runOnce()).toEqual({ verified: 0, faulty: 1 });
    const [verdict] = await verdicts();
    expect(verdict?.data.chain.firstFault).toMatchObject({ reason: 'changed' });
    expect(verdict?.data.counters.ok).toBe(true);
  });
});
