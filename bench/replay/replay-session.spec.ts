import { createServer, IncomingMessage, Server, ServerResponse } from 'node:http';
import { AddressInfo } from 'node:net';
import { formatUsd, parseUsd } from '@houston/common/domain/money.js';
import { fleetRuns } from './fleet.js';
import { HoustonClient } from './houston-client.js';
import { ReplayOptions } from './options.js';
import { replayThroughHouston } from './replay-session.js';
import { isClean, ReplaySummary } from './summary.js';
import { TraceFault } from './trace-fault.js';
import { TraceSource } from './trace-source.js';

const KEY = 'hou_test';
const HOLD_NANO = 1_000n;
const COST_NANO = 700n;

type Reply = { status: number; body: object; headers?: Record<string, string> };

/** Speaks as much of Houston's API as a replay hears: one budget, flat holds and costs. */
class SmallHouston {
  readonly budget = { limit: 0n, spent: 0n, held: 0n, scope: {} as unknown };
  readonly holds = new Map<string, string[]>();
  readonly answers = new Map<string, Reply>();
  readonly requests: { path: string; key: string; body: Record<string, unknown> }[] = [];
  /** What becomes of the answers about executions, one by one; undefined: it arrives. */
  disturbances: (((response: ServerResponse) => void) | undefined)[] = [];
  leak = 0n;
  private admitted = 0;
  url = '';
  private readonly server: Server = createServer((request, response) => void this.serve(request, response));

  async start(): Promise<void> {
    await new Promise<void>((ready) => this.server.listen(0, '127.0.0.1', ready));
    this.url = `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
  }

  private async serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const body = chunks.length === 0 ? {} : (JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>);
    const key = String(request.headers['idempotency-key'] ?? '');
    const path = `${request.method} ${request.url}`;
    this.requests.push({ path, key, body });
    const isRepeat = this.answers.has(key);
    const answer =
      request.headers.authorization === `Bearer ${KEY}`
        ? (this.answers.get(key) ?? this.answer(path, body))
        : { status: 401, body: {} };
    if (key !== '' && !isRepeat) this.answers.set(key, answer);
    const disturb = path.startsWith('POST /api/executions') ? this.disturbances.shift() : undefined;
    if (disturb !== undefined) return disturb(response);
    response
      .writeHead(answer.status, { 'content-type': 'application/json', ...answer.headers })
      .end(JSON.stringify(answer.body));
  }

  private answer(path: string, body: Record<string, unknown>): Reply {
    if (path === 'GET /api/me') return { status: 200, body: { role: 'owner' } };
    if (path === 'POST /api/budgets') return this.createBudget(body);
    if (path === 'GET /api/budgets/b1') return { status: 200, body: this.budgetView() };
    if (path === 'POST /api/executions') return this.admit();
    if (path.endsWith('/complete')) return this.complete(path);
    if (path.startsWith('GET /api/events?type=budget.threshold_crossed')) return this.events(path);
    return { status: 404, body: { code: 'not_found' } };
  }

  private createBudget(body: Record<string, unknown>): Reply {
    const limit = parseUsd(body.limitUsd);
    if (limit.ok) this.budget.limit = limit.nano;
    this.budget.scope = body.scope;
    return { status: 201, body: this.budgetView() };
  }

  private budgetView(): object {
    const { limit, spent, held } = this.budget;
    const amounts = {
      limitUsd: formatUsd(limit),
      spentUsd: formatUsd(spent === 0n ? 0n : spent + this.leak),
      heldUsd: formatUsd(held),
    };
    return { id: 'b1', name: 'Replay', mode: 'enforce', ...amounts, window: { start: '2026-11-20T00:00:00Z' } };
  }

  private admit(): Reply {
    const { limit, spent, held } = this.budget;
    const covered = limit > 0n;
    if (covered && spent + held + HOLD_NANO > limit) return { status: 402, body: { code: 'budget_exceeded' } };
    if (covered) this.budget.held += HOLD_NANO;
    const id = `e${(this.admitted += 1)}`;
    this.holds.set(id, covered ? ['b1'] : []);
    return { status: 201, body: { id, status: 'admitted', budgets: covered ? [{ id: 'b1' }] : [] } };
  }

  private complete(path: string): Reply {
    const id = path.split('/')[3] ?? '';
    if (this.holds.get(id)?.length === 1) {
      this.budget.held -= HOLD_NANO;
      this.budget.spent += COST_NANO;
    }
    this.holds.delete(id);
    return { status: 200, body: { id, costUsd: formatUsd(COST_NANO), overageUsd: '0' } };
  }

  private events(path: string): Reply {
    const event = (budgetId: string, time: string) => ({ time, data: { budgetId } });
    const now = new Date().toISOString();
    if (path.includes('cursor=')) return { status: 200, body: { items: [event('b1', now)], nextCursor: null } };
    return {
      status: 200,
      body: { items: [event('b1', now), event('other', now), event('b1', '2020-01-01T00:00:00Z')], nextCursor: 'next' },
    };
  }
}

const OPTIONS: ReplayOptions = {
  file: null,
  model: 'gpt-4o-mini',
  agents: 2,
  speed: null,
  budget: { limitNano: 20_000n, period: 'day' },
  url: null,
  key: null,
  concurrency: 8,
  maxOutputTokens: 100,
  whatIf: false,
  json: false,
};

function traceOf(runs: number, spanMs = 10_000): TraceSource {
  async function* rows() {
    for (const run of fleetRuns({ runs, spanMs, startsAt: new Date(0), seed: 1 }))
      yield { ...run, agent: null, model: null };
  }
  return { rows: rows(), fraction: () => 0 };
}

describe('replay through a running Houston', () => {
  let houston: SmallHouston;
  beforeEach(async () => {
    houston = new SmallHouston();
    await houston.start();
  });
  afterEach(() => houston.stop());

  const replay = (
    runs: number,
    changes: Partial<ReplayOptions> = {},
    signal = new AbortController().signal,
  ): Promise<ReplaySummary> =>
    replayThroughHouston({
      url: houston.url,
      key: KEY,
      options: { ...OPTIONS, ...changes },
      trace: traceOf(runs),
      signal,
      onProgress: () => {},
    });

  it('admits until the budget is used up, completes every admitted run, and the books balance', async () => {
    const summary = await replay(100);
    expect(summary.admitted).toBeGreaterThan(20);
    expect(summary.admitted + summary.denied).toBe(100);
    expect(summary.denied).toBeGreaterThan(50);
    expect(summary.costUsd).toBe(formatUsd(BigInt(summary.admitted) * COST_NANO));
    expect(summary.overspend).toEqual({ byBudgetUsd: '0', byClientUsd: '0', booksAgree: true, heldUsd: '0' });
    expect(summary.thresholdAlerts).toBe(2);
    expect(isClean(summary)).toBe(true);
    expect(houston.holds.size).toBe(0);
  });

  it('asks as an agent would: its name, its model, its tokens and the tag that the budget covers', async () => {
    await replay(3);
    const asked = houston.requests.filter(({ path }) => path === 'POST /api/executions').map(({ body }) => body);
    expect(new Set(asked.map((body) => body.agent))).toEqual(new Set(['agent-1', 'agent-2']));
    const { replay: tag } = (asked[0]?.tags ?? {}) as { replay?: string };
    expect(tag).toMatch(/^[0-9a-f]{8}$/);
    expect(houston.budget.scope).toEqual({ tag: { replay: tag } });
    for (const body of asked)
      expect(body).toMatchObject({
        model: 'gpt-4o-mini',
        tags: { replay: tag },
        estimate: { inputTokens: expect.any(Number) },
      });
  });

  it('tells when the budget admits to less than was settled', async () => {
    houston.leak = -1n;
    const summary = await replay(10);
    expect(summary.overspend.booksAgree).toBe(false);
    expect(isClean(summary)).toBe(false);
  });

  it('makes no budget when none is asked for, and then claims nothing about overspend', async () => {
    const summary = await replay(5, { budget: null });
    expect(summary).toMatchObject({ admitted: 5, denied: 0, thresholdAlerts: 0 });
    expect(summary.overspend).toEqual({ byBudgetUsd: null, byClientUsd: null, booksAgree: null, heldUsd: null });
    expect(houston.requests.some(({ path }) => path === 'POST /api/budgets')).toBe(false);
  });

  it('sends a request again under the same key when Houston is busy or the answer is lost, and runs nothing twice', async () => {
    const busy = (response: ServerResponse) => void response.writeHead(503, { 'retry-after': '0' }).end('{}');
    const lose = (response: ServerResponse) => void response.destroy();
    const stillRunning = (response: ServerResponse) =>
      void response.writeHead(409).end('{"code":"idempotency_key_in_progress"}');
    houston.disturbances = [busy, lose, stillRunning, undefined, busy, lose];
    const summary = await replay(10, { concurrency: 1 });
    expect(summary).toMatchObject({ admitted: 10, failed: 0, retries: 5 });
    expect(summary.overspend.booksAgree).toBe(true);
    const asked = houston.requests.filter(({ path }) => path === 'POST /api/executions');
    const completed = houston.requests.filter(({ path }) => path.endsWith('/complete'));
    expect(asked.length + completed.length).toBe(25);
    expect(asked.length).toBeGreaterThan(10);
    expect(new Set(asked.map(({ key }) => key)).size).toBe(10);
    expect(new Set(completed.map(({ key }) => key))).toEqual(new Set(['']));
  });

  it('keeps the pace of the trace', async () => {
    const summary = await replay(10, { speed: 50 });
    expect(summary.elapsedMs).toBeGreaterThanOrEqual(190);
    expect(summary.admitted).toBe(10);
  });

  it('leaves no hold behind when it is stopped half-way', async () => {
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 100);
    const summary = await replay(1_000, { speed: 0.5 }, stop.signal);
    expect(summary.runs).toBeLessThan(1_000);
    expect(summary.elapsedMs).toBeLessThan(10_000);
    expect(houston.budget.held).toBe(0n);
  });

  it('completes what was admitted when the trace turns out to be broken, and then says so', async () => {
    const { rows } = traceOf(20);
    async function* broken() {
      yield* rows;
      throw new TraceFault('This is not a number.', 22, 'input_tokens');
    }
    const options = { ...OPTIONS, speed: 20 };
    const trace = { rows: broken(), fraction: () => 0 };
    const signal = new AbortController().signal;
    const result = replayThroughHouston({ url: houston.url, key: KEY, options, trace, signal, onProgress: () => {} });
    await expect(result).rejects.toThrow('Line 22, column "input_tokens": This is not a number.');
    expect(houston.budget.spent).toBeGreaterThan(0n);
    expect(houston.budget.held).toBe(0n);
  });

  it('counts a single failure and goes on', async () => {
    houston.disturbances = [
      (response) => void response.end('{"id":"e1","budgets":[]}'),
      (response) => void response.end('{}'),
      (response) => void response.writeHead(500).end('{"code":"broken"}'),
    ];
    const summary = await replay(10, { concurrency: 1 });
    expect(summary.failed).toBe(2);
    expect(summary.firstFailure).toMatch(/lacks "costUsd"/);
    expect(isClean(summary)).toBe(false);
  });

  it('says in one sentence that the key is wrong', async () => {
    const wrong = replayThroughHouston({
      url: houston.url,
      key: 'hou_other',
      options: OPTIONS,
      trace: traceOf(1),
      signal: new AbortController().signal,
      onProgress: () => {},
    });
    await expect(wrong).rejects.toMatchObject({
      name: 'ReplayFault',
      exitCode: 1,
      message: expect.stringMatching(/does not know this key \(401\)/),
    });
  });

  it('says in one sentence that no Houston is there', async () => {
    await houston.stop();
    await expect(replay(1)).rejects.toMatchObject({
      name: 'ReplayFault',
      exitCode: 1,
      message: expect.stringMatching(/^No Houston answers at .*ECONNREFUSED/),
    });
    await houston.start();
  });

  it('says in one sentence that something else listens there', async () => {
    const client = new HoustonClient({ url: houston.url, key: KEY, connections: 1 });
    await expect(client.budget('nobody')).rejects.toThrow('GET /api/budgets/nobody was answered with 404 (not_found).');
    await client.close();
  });
});
