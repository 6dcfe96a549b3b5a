import { Injectable } from '@nestjs/common';
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';

const HTTP_SECONDS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5, 15];
const WAIT_SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5];
const BATCH_SIZES = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024];
const LOOP_PRECISION_MS = 50;

/** What this gateway counts while it works; one per process. A count costs less than a microsecond. */
@Injectable()
export class Metrics {
  readonly registry = new Registry();
  private readonly requests = new Map<string, { observe(seconds: number): void }>();

  private readonly http = new Histogram({
    name: 'houston_http_request_duration_seconds',
    help: 'Time from the head of a request to the end of its answer; streams are left out',
    labelNames: ['method', 'route', 'status_class'],
    buckets: HTTP_SECONDS,
    registers: [this.registry],
  });

  private readonly admissions = new Counter({
    name: 'houston_admissions_total',
    help: 'Runs judged, by verdict',
    labelNames: ['verdict'],
    registers: [this.registry],
  });

  private readonly batches = new Histogram({
    name: 'houston_admission_batch_size',
    help: 'Admissions that shared one commit',
    buckets: BATCH_SIZES,
    registers: [this.registry],
  });

  private readonly waits = new Histogram({
    name: 'houston_admission_batch_wait_seconds',
    help: 'How long the first of a batch waited for the batch before to be committed',
    buckets: WAIT_SECONDS,
    registers: [this.registry],
  });

  constructor() {
    collectDefaultMetrics({ register: this.registry, eventLoopMonitoringPrecision: LOOP_PRECISION_MS });
  }

  /** @param route the pattern of its path, never the path itself: ids would make a series each */
  requested(method: string, route: string, status: number, tookMs: number): void {
    const key = `${method} ${route} ${Math.floor(status / 100)}`;
    let series = this.requests.get(key);
    if (!series) {
      series = this.http.labels(method, route, `${Math.floor(status / 100)}xx`);
      this.requests.set(key, series);
    }
    series.observe(tookMs / 1000);
  }

  batchCommitted(size: number, waitedMs: number): void {
    this.batches.observe(size);
    this.waits.observe(waitedMs / 1000);
  }

  judged(verdicts: readonly string[]): void {
    const counts = new Map<string, number>();
    for (const verdict of verdicts) counts.set(verdict, (counts.get(verdict) ?? 0) + 1);
    for (const [verdict, count] of counts) this.admissions.inc({ verdict }, count);
  }

  /** A figure that is read when somebody looks. */
  gauge(name: string, help: string, read: () => number): void {
    const gauge: Gauge = new Gauge({ name, help, registers: [this.registry], collect: () => gauge.set(read()) });
  }
}
