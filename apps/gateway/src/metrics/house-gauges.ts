import { Inject, Injectable, type OnModuleInit } from '@nestjs/common';
import { Gauge } from 'prom-client';
import { EventTail } from '@houston/common/events/event-tail.js';
import { QueueProducer } from '@houston/common/queues/queue-producer.js';
import { QUEUE_NAMES } from '@houston/common/queues/queues.js';
import { GaugeStore, type HouseFigures } from './gauge.store.js';
import { Metrics } from './metrics.js';

/** Several scrapers within this time share one look into Postgres. */
const FRESH_MS = 1_000;
const QUEUE_ANSWERS_WITHIN_MS = 2_000;

interface Reading {
  house: HouseFigures | null;
  /** Jobs by queue and state; null while the queues do not answer. */
  queues: { queue: string; state: string; jobs: number }[] | null;
}

/** The figures of the whole house, read when somebody scrapes. What cannot be read is absent, never an old value. */
@Injectable()
export class HouseGauges implements OnModuleInit {
  private reading: { at: number; promise: Promise<Reading> } | undefined;

  constructor(
    @Inject(Metrics) private readonly metrics: Metrics,
    @Inject(GaugeStore) private readonly store: GaugeStore,
    @Inject(QueueProducer) private readonly producer: QueueProducer,
    @Inject(EventTail) private readonly tail: EventTail,
  ) {}

  onModuleInit(): void {
    this.metrics.gauge('houston_live_listeners', 'Streams of events that are open here', () => this.tail.size);
    this.house('houston_database_up', 'Whether Postgres answered this scrape', [], ({ house }) => [
      [{}, house ? 1 : 0],
    ]);
    this.house('houston_queues_up', 'Whether the queues answered this scrape', [], ({ queues }) => [
      [{}, queues ? 1 : 0],
    ]);
    this.house('houston_events_lag_seconds', 'Age of the oldest event a reader has not seen', ['reader'], ({ house }) =>
      (house?.lags ?? []).map(({ reader, lagSeconds }) => [{ reader }, lagSeconds]),
    );
    this.house('houston_process_seen_seconds', 'Since a process last beat', ['service', 'instance'], ({ house }) =>
      (house?.processes ?? []).map(({ service, instance, seenSeconds }) => [{ service, instance }, seenSeconds]),
    );
    this.house('houston_process_rss_bytes', 'Memory of a process', ['service', 'instance'], ({ house }) =>
      (house?.processes ?? []).map(({ service, instance, rssBytes }) => [{ service, instance }, rssBytes]),
    );
    this.house('houston_deliveries_pending', 'Webhook deliveries not done yet, at most 10,000', [], ({ house }) =>
      house ? [[{}, house.deliveriesPending]] : [],
    );
    this.house('houston_dead_letters_open', 'Dead letters nobody has decided on, at most 10,000', [], ({ house }) =>
      house ? [[{}, house.deadLettersOpen]] : [],
    );
    this.house('houston_queue_jobs', 'Jobs in a queue', ['queue', 'state'], ({ queues }) =>
      (queues ?? []).map(({ queue, state, jobs }) => [{ queue, state }, jobs]),
    );
  }

  private house(
    name: string,
    help: string,
    labelNames: string[],
    values: (reading: Reading) => [Record<string, string>, number][],
  ): void {
    const gauge = new Gauge({
      name,
      help,
      labelNames,
      registers: [this.metrics.registry],
      collect: async () => {
        const reading = await this.read();
        gauge.reset();
        // A gauge without labels shows 0 after a reset, which would be a lie.
        const current = values(reading);
        if (current.length === 0 && labelNames.length === 0) gauge.set(NaN);
        for (const [labels, value] of current) gauge.set(labels, value);
      },
    });
  }

  private read(): Promise<Reading> {
    const now = performance.now();
    if (!this.reading || now - this.reading.at > FRESH_MS) {
      this.reading = { at: now, promise: this.readAll() };
    }
    return this.reading.promise;
  }

  private async readAll(): Promise<Reading> {
    const [house, queues] = await Promise.all([
      this.store.read().catch(() => null),
      within(QUEUE_ANSWERS_WITHIN_MS, this.countJobs()).catch(() => null),
    ]);
    return { house, queues };
  }

  private async countJobs(): Promise<NonNullable<Reading['queues']>> {
    const counts = await Promise.all(
      QUEUE_NAMES.map(async (queue) => {
        const states = await this.producer
          .queue(queue)
          .getJobCounts('wait', 'active', 'delayed', 'prioritized', 'failed');
        return Object.entries(states).map(([state, jobs]) => ({ queue, state, jobs }));
      }),
    );
    return counts.flat();
  }
}

async function within<T>(ms: number, asked: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([asked, late]);
  } finally {
    clearTimeout(timer);
  }
}
