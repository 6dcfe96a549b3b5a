import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { NanoUsd, parseUsd } from '@houston/common/domain/money.js';
import { Pool } from 'undici';
import { codeOf, ReplayFault } from './replay-fault.js';

export interface HoustonClientOptions {
  /** For example http://127.0.0.1:3000. */
  url: string;
  key: string;
  /** Connections kept open. */
  connections: number;
  /** Attempts at one request while Houston is busy or restarting. Default: 8. */
  maxAttempts?: number;
  /** The first pause between attempts, doubled each time up to two seconds. Default: 100 ms. */
  firstPauseMs?: number;
}

export interface RunRequest {
  agent: string;
  model: string;
  estimate: { inputTokens: number; maxOutputTokens: number };
  tags: Record<string, string>;
}

export interface RunUsage {
  inputTokens: number;
  outputTokens: number;
}

export type Admission = { kind: 'admitted'; id: string; budgetIds: string[] } | { kind: 'denied'; code: string };

export interface Settlement {
  costNano: NanoUsd;
  overageNano: NanoUsd;
}

/** A budget's own figures. */
export interface BudgetBooks {
  id: string;
  name: string;
  enforcing: boolean;
  limitNano: NanoUsd;
  spentNano: NanoUsd;
  heldNano: NanoUsd;
  /** When its present window began; null for a budget without windows. */
  windowStart: string | null;
}

export interface NewBudget {
  name: string;
  limitUsd: string;
  period: string;
  tags: Record<string, string>;
}

interface Answer {
  status: number;
  body: Record<string, unknown>;
  retryAfterMs: number | null;
}

const LONGEST_PAUSE_MS = 2_000;
const MAX_ALERT_PAGES = 100;
const DENIALS = [402, 423];
const BUSY = [429, 503];
const STILL_RUNNING = 'idempotency_key_in_progress';

/** What an agent says to a running Houston, over kept-alive connections. Every POST may be repeated without harm. */
export class HoustonClient {
  private readonly pool: Pool;
  /** Requests that had to be sent again. */
  retries = 0;

  constructor(private readonly options: HoustonClientOptions) {
    this.pool = new Pool(options.url, { connections: options.connections, pipelining: 1 });
  }

  /** Makes sure that Houston is there and takes the key. @throws ReplayFault */
  async greet(): Promise<void> {
    await this.ask('GET', '/api/me', undefined, 1);
  }

  async createBudget(budget: NewBudget): Promise<BudgetBooks> {
    const { name, limitUsd, period, tags } = budget;
    const request = {
      name,
      limitUsd,
      period,
      level: 'workspace',
      scope: { tag: tags },
      mode: 'enforce',
      thresholds: [50, 75, 90],
    };
    return toBooks(await this.ask('POST', '/api/budgets', request));
  }

  async budget(id: string): Promise<BudgetBooks> {
    return toBooks(await this.ask('GET', `/api/budgets/${encodeURIComponent(id)}`));
  }

  async admit(run: RunRequest): Promise<Admission> {
    const answer = await this.send('POST', '/api/executions', run);
    if (DENIALS.includes(answer.status)) return { kind: 'denied', code: String(answer.body.code) };
    const body = this.accept(answer, 'POST /api/executions');
    return {
      kind: 'admitted',
      id: text(body, 'id'),
      budgetIds: records(body, 'budgets').map((budget) => text(budget, 'id')),
    };
  }

  async complete(id: string, usage: RunUsage, durationMs: number): Promise<Settlement> {
    const body = await this.ask('POST', `/api/executions/${encodeURIComponent(id)}/complete`, {
      status: 'succeeded',
      usage,
      durationMs,
    });
    return {
      costNano: usd(body, 'costUsd'),
      overageNano: body.overageUsd === undefined ? 0n : usd(body, 'overageUsd'),
    };
  }

  /** How many thresholds of these budgets were crossed since then. */
  async countThresholdAlerts(budgetIds: ReadonlySet<string>, since: Date): Promise<number> {
    let alerts = 0;
    let cursor: string | null = null;
    for (let page = 0; page < MAX_ALERT_PAGES; page += 1) {
      const query: string = cursor === null ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const body = await this.ask('GET', `/api/events?type=budget.threshold_crossed&limit=100${query}`);
      const items = records(body, 'items');
      alerts += items.filter(
        (event) => new Date(text(event, 'time')) >= since && budgetIds.has(alertedBudget(event)),
      ).length;
      cursor = typeof body.nextCursor === 'string' ? body.nextCursor : null;
      if (cursor === null || items.length === 0) return alerts;
    }
    return alerts;
  }

  async close(): Promise<void> {
    await this.pool.close();
  }

  private async ask(
    method: 'GET' | 'POST',
    path: string,
    request?: object,
    maxAttempts?: number,
  ): Promise<Record<string, unknown>> {
    return this.accept(await this.send(method, path, request, maxAttempts), `${method} ${path.replace(/\?.*/, '')}`);
  }

  /** One idempotency key for all attempts: an answer that was lost on the way does not make a second run. */
  private async send(
    method: 'GET' | 'POST',
    path: string,
    request?: object,
    maxAttempts = this.options.maxAttempts ?? 8,
  ): Promise<Answer> {
    const headers: Record<string, string> = { authorization: `Bearer ${this.options.key}`, accept: 'application/json' };
    if (request !== undefined) headers['content-type'] = 'application/json';
    if (method === 'POST' && !isRepeatable(path)) headers['idempotency-key'] = randomUUID();
    for (let attempt = 1; ; attempt += 1) {
      const answer = await this.attempt(method, path, headers, request, attempt === maxAttempts);
      if (answer !== null && (!isBusy(answer) || attempt === maxAttempts)) return answer;
      this.retries += 1;
      const pauseMs = (this.options.firstPauseMs ?? 100) * 2 ** (attempt - 1);
      await sleep(Math.min(answer?.retryAfterMs ?? pauseMs, LONGEST_PAUSE_MS));
    }
  }

  /** Null: no answer came, and it is worth another attempt. */
  private async attempt(
    method: 'GET' | 'POST',
    path: string,
    headers: Record<string, string>,
    request: object | undefined,
    isLast: boolean,
  ): Promise<Answer | null> {
    try {
      const response = await this.pool.request({
        method,
        path,
        headers,
        body: request === undefined ? undefined : JSON.stringify(request),
      });
      const raw = await response.body.text();
      const retryAfter = Number(response.headers['retry-after'] ?? NaN);
      return {
        status: response.statusCode,
        body: toRecord(raw),
        retryAfterMs: Number.isFinite(retryAfter) ? retryAfter * 1000 : null,
      };
    } catch (error) {
      if (!isLast) return null;
      throw new ReplayFault(
        `No Houston answers at ${this.options.url} (${codeOf(error)}). Start one with "npm start", or name it with --url.`,
        1,
        error,
      );
    }
  }

  private accept(answer: Answer, what: string): Record<string, unknown> {
    const { status, body } = answer;
    if (status >= 200 && status < 300) return body;
    if (status === 401)
      throw new ReplayFault(
        `Houston at ${this.options.url} does not know this key (401). Give the right one with --key.`,
        1,
      );
    if (status === 403) throw new ReplayFault(`This key may not do ${what} (403). Use an admin or owner key.`, 1);
    const detail = [body.code, body.detail ?? body.title].filter((part) => typeof part === 'string').join(': ');
    throw new ReplayFault(`${what} was answered with ${status}${detail === '' ? '' : ` (${detail})`}.`, 1);
  }
}

/** Also while Houston still works at the attempt whose connection broke. */
function isBusy({ status, body }: Answer): boolean {
  return BUSY.includes(status) || body.code === STILL_RUNNING;
}

/** A completion names its run, so saying it twice is harmless without a key; a key would cost Houston two more transactions. */
function isRepeatable(path: string): boolean {
  return path.endsWith('/complete');
}

function toBooks(body: Record<string, unknown>): BudgetBooks {
  const window = isRecord(body.window) ? body.window : {};
  return {
    id: text(body, 'id'),
    name: text(body, 'name'),
    enforcing: body.mode === 'enforce',
    limitNano: usd(body, 'limitUsd'),
    spentNano: usd(body, 'spentUsd'),
    heldNano: usd(body, 'heldUsd'),
    windowStart: typeof window.start === 'string' ? window.start : null,
  };
}

function alertedBudget(event: Record<string, unknown>): string {
  return isRecord(event.data) && typeof event.data.budgetId === 'string' ? event.data.budgetId : '';
}

function text(body: Record<string, unknown>, field: string): string {
  const value = body[field];
  if (typeof value === 'string') return value;
  throw new ReplayFault(`Houston's answer lacks "${field}"; is this really Houston?`, 1);
}

function usd(body: Record<string, unknown>, field: string): NanoUsd {
  const parsed = parseUsd(text(body, field), { allowNegative: true, maxNano: 2n ** 62n });
  if (parsed.ok) return parsed.nano;
  throw new ReplayFault(`Houston's answer has no amount in "${field}".`, 1);
}

function records(body: Record<string, unknown>, field: string): Record<string, unknown>[] {
  const value = body[field];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

/** Whatever else may listen at that address, its answer is only ever an object without the fields we need. */
function toRecord(raw: string): Record<string, unknown> {
  if (!raw.trimStart().startsWith('{')) return {};
  const parsed: unknown = JSON.parse(raw);
  return isRecord(parsed) ? parsed : {};
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
