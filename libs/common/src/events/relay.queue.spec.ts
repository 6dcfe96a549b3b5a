import { Processor, WorkerHost } from '@nestjs/bullmq';
import { Inject, Injectable, Module } from '@nestjs/common';
import { Test, type TestingModule } from '@nestjs/testing';
import type { Job } from 'bullmq';
import { anEvent } from '../../../../test/factories/event.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { until } from '../../../../test/support/until.js';
import { CONFIG } from '../config/config.module.js';
import { Database, type Tx } from '../db/database.js';
import { DatabaseModule } from '../db/database.module.js';
import { DutiesModule } from '../duties/duties.module.js';
import { Sweeper, type DuePage } from '../duties/sweeper.js';
import { QueueProducer } from '../queues/queue-producer.js';
import type { Payloads, WakeupOf } from '../queues/queues.js';
import { QueuesModule } from '../queues/queues.module.js';
import { appendEvent } from './event-log.js';
import type { LedgerEvent } from './event-reader.js';
import { EventRoute } from './event-route.js';
import { Relay } from './relay.js';

const redisUrl = process.env['REDIS_URL'] || undefined;
const LATE_MS = 10_000;

/** Agents stand in for due rows here: an agent without a description is due. */
const due = (tx: Tx, id: string): WakeupOf<'webhook-deliveries'> => ({
  queue: 'webhook-deliveries',
  payload: { organizationId: tx.organizationId, workspaceId: '', deliveryId: id, endpointId: '' },
  id: `delivery.${id}`,
});

class DueAgents extends EventRoute {
  readonly name = 'due agents';

  async follow(tx: Tx, events: readonly LedgerEvent[]): Promise<WakeupOf<'webhook-deliveries'>[]> {
    const mine = events.filter((event) => event.type === 'agent.updated');
    for (const { id } of mine) {
      await tx.query('insert into agents (organization_id, id, name) values ($1, $2, $3)', [tx.organizationId, id, id]);
    }
    return mine.map(({ id }) => due(tx, id));
  }
}

@Injectable()
class DueAgentSweeper extends Sweeper {
  readonly name = 'due-agents';

  constructor(@Inject(Database) database: Database, @Inject(QueueProducer) producer: QueueProducer) {
    super(database, producer);
  }

  protected async due(tx: Tx, after: string | null): Promise<DuePage> {
    const rows = await tx.query<{ id: string }>(
      `select id from agents where description = '' and ($1::uuid is null or id > $1) order by id limit 2`,
      [after],
    );
    return { wakeups: rows.map(({ id }) => due(tx, id)), next: rows.length === 2 ? (rows[1]?.id ?? null) : null };
  }
}

@Processor('webhook-deliveries')
class Finisher extends WorkerHost {
  constructor(@Inject(Database) private readonly database: Database) {
    super();
  }

  async process({ data }: Job<Payloads['webhook-deliveries']>): Promise<void> {
    await this.database.inOrganization(data.organizationId, (tx) =>
      tx.query(`update agents set description = 'done' where id = $1`, [data.deliveryId]),
    );
  }
}

@Module({
  imports: [DatabaseModule, DutiesModule, QueuesModule.handling('webhook-deliveries')],
  providers: [
    Finisher,
    {
      provide: Relay,
      inject: [Database, QueueProducer],
      useFactory: (database: Database, queues: QueueProducer) => new Relay(database, queues, [new DueAgents()]),
    },
  ],
})
class App {}

describe(`from an event to the work it causes, on ${redisUrl ? 'Redis' : 'Postgres'}`, () => {
  let test: TestDatabase;
  let app: TestingModule;

  beforeAll(async () => {
    test = await openTestDatabase();
    app = await Test.createTestingModule({ imports: [App] })
      .overrideProvider(CONFIG)
      .useValue({ databaseUrl: test.url, redisUrl, databasePoolSize: 5 })
      .compile();
    await app.init();
  });
  afterAll(async () => {
    await app.close();
    await test.close();
  });

  const counts = async () => {
    const [row] = await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query<{ done: number; all: number }>(
        `select count(*) filter (where description = 'done')::int as done, count(*)::int as "all" from agents`,
      ),
    );
    return row ?? { done: 0, all: 0 };
  };

  it('does the work of an event soon after its commit', async () => {
    const startedAt = performance.now();
    await test.database.inOrganization(test.organizationId, (tx) => appendEvent(tx, anEvent()));
    await until(async () => (await counts()).done === 1);
    expect(performance.now() - startedAt).toBeLessThan(LATE_MS);
  });

  it('sweeps up every due row whose wake-up was lost, beyond one page, and does no finished one again', async () => {
    await test.database.inOrganization(test.organizationId, (tx) =>
      tx.query(
        `insert into agents (organization_id, id, name)
         select $1, gen_random_uuid(), 'lost ' || n from generate_series(1, 5) n`,
        [tx.organizationId],
      ),
    );
    const sweeper = new DueAgentSweeper(
      app.get(Database, { strict: false }),
      app.get(QueueProducer, { strict: false }),
    );
    expect(await sweeper.runOnce()).toEqual({ swept: 5 });
    await until(async () => (await counts()).done === 6);
    expect(await sweeper.runOnce()).toEqual({ swept: 0 });
  });
});
