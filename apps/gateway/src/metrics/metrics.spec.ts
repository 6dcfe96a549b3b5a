import supertest from 'supertest';
import { appendEvent } from '@houston/common/events/event-log.js';
import { insertBudget } from '../../../../test/factories/budget.js';
import { startGateway, type TestGateway } from '../../../../test/support/gateway.js';

describe('GET /metrics', () => {
  let gateway: TestGateway;

  beforeEach(async () => {
    gateway = await startGateway();
  });
  afterEach(() => gateway.close());

  const scrape = async () => (await supertest(gateway.url).get('/metrics').expect(200)).text;
  /** The value of one series, NaN when it is not there. */
  const value = (text: string, series: string) =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.split(' ')
        .at(-1) ?? NaN,
    );
  const query = (sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query(sql, parameters));
  /** Until the last look at the house is too old to be shown again. */
  const aMoment = () => new Promise((resolve) => setTimeout(resolve, 1_050));

  it('counts admissions by verdict, and the batches they went in', async () => {
    await insertBudget(gateway.db, { limitNano: 3_000_000_000n });
    const body = { agent: 'ada', model: 'any', estimate: { costUsd: '1' } };
    const answers = await Promise.all(Array.from({ length: 10 }, () => gateway.owner.post('/api/executions', body)));
    expect(answers.filter((answer) => answer.status === 201)).toHaveLength(3);
    const text = await scrape();
    expect(value(text, 'houston_admissions_total{verdict="admitted"}')).toBe(3);
    expect(value(text, 'houston_admissions_total{verdict="budget_exceeded"}')).toBe(7);
    expect(value(text, 'houston_admission_batch_size_sum')).toBe(10);
    expect(value(text, 'houston_admission_batch_wait_seconds_count')).toBe(
      value(text, 'houston_admission_batch_size_count'),
    );
    expect(value(text, 'houston_admission_backlog')).toBe(0);
  });

  it('times requests by the pattern of their route, never by an id', async () => {
    const id = '019a9d6e-0000-7000-8000-000000000000';
    await gateway.owner.get(`/api/executions/${id}`);
    await gateway.owner.get(`/api/executions/${id.replace('6e', '6f')}`);
    await gateway.owner.get('/nowhere');
    const text = await scrape();
    const series =
      'houston_http_request_duration_seconds_count{method="GET",route="/api/executions/:id",status_class="4xx"}';
    expect(value(text, series)).toBe(2);
    expect(text).not.toContain('019a9d6e');
    expect(text).not.toContain('nowhere');
  });

  it('tells how the house fares: readers, processes, deliveries, queues', async () => {
    await query(`insert into processes (name, instance, beat_at, stats)
                 values ('budget', 'b:1', now() - interval '7 seconds', '{"rssBytes": 1234567}')`);
    await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      appendEvent(tx, { type: 'note.made', actor: 'system', subject: 'note:1', data: {} }),
    );
    await query(`insert into webhook_fan_outs (organization_id, workspace_id, position, seq)
                 select organization_id, (select id from workspaces), position, seq from events where type = 'note.made'`);
    await aMoment();
    const text = await scrape();
    expect(value(text, 'houston_process_rss_bytes{service="budget",instance="b:1"}')).toBe(1_234_567);
    expect(value(text, 'houston_process_seen_seconds{service="budget",instance="b:1"}')).toBeGreaterThan(7);
    for (const reader of ['relay', 'webhooks', 'seal', 'rollups']) {
      expect(value(text, `houston_events_lag_seconds{reader="${reader}"}`)).toBeGreaterThan(0.9);
    }
    expect(value(text, 'houston_deliveries_pending')).toBe(0);
    expect(value(text, 'houston_dead_letters_open')).toBe(0);
    expect(value(text, 'houston_queue_jobs{queue="webhook-deliveries",state="delayed"}')).toBe(0);
    expect([value(text, 'houston_database_up'), value(text, 'houston_queues_up')]).toEqual([1, 1]);
    expect(value(text, 'process_resident_memory_bytes')).toBeGreaterThan(1_000_000);
    await gateway.db.database.statement('select roll_up_costs($1, 1000)', [gateway.db.organizationId]);
    await query('delete from webhook_fan_outs');
    await aMoment();
    const later = await scrape();
    for (const reader of ['rollups', 'webhooks']) {
      expect(value(later, `houston_events_lag_seconds{reader="${reader}"}`)).toBe(0);
    }
  });

  it('still answers when Postgres is away, and then claims nothing about the house', async () => {
    const lost = await startGateway();
    await lost.db.close();
    const text = (await supertest(lost.url).get('/metrics').expect(200)).text;
    expect(value(text, 'houston_database_up')).toBe(0);
    expect(value(text, 'houston_deliveries_pending')).toBeNaN();
    expect(text).not.toContain('houston_events_lag_seconds{');
    await lost.app.close();
  });

  it('shares one look at the house between scrapers that come together', async () => {
    const texts = await Promise.all(Array.from({ length: 20 }, scrape));
    expect(new Set(texts.map((text) => value(text, 'houston_events_lag_seconds{reader="seal"}'))).size).toBe(1);
  });
});
