import type { AgentConfig } from '../agent-config.js';
import { askHub, type HubAnswer, saying } from '../hub-request.js';
import {
  type Claim,
  type Hub,
  HubDenied,
  type Lease,
  type News,
  type Pulse,
  type Receipt,
  type Report,
  type Task,
} from './hub.js';
import { wordsOf } from './report-words.js';

/** Beyond the wait itself: the way there and back. */
const CLAIM_MARGIN_MS = 10_000;
const LEAST_TTL_MS = 1_000;
const DEFAULT_TTL_MS = 30_000;

/** Houston over HTTP long polling. */
export class HttpHub implements Hub {
  constructor(private readonly config: AgentConfig) {}

  async claim(waitSeconds: number, signal: AbortSignal): Promise<Claim> {
    const answer = await askHub(this.config, 'POST', `/api/agents/${this.config.agentId}/claim?wait=${waitSeconds}`, {
      timeoutMs: waitSeconds * 1_000 + CLAIM_MARGIN_MS,
      signal,
    });
    if (answer.status === 204) return { kind: 'nothing', reason: answer.headers.get('houston-reason') ?? 'none' };
    if (answer.status !== 200) throw new HubDenied(saying(answer));
    const { task, lease } = answer.body as { task: Task; lease: Lease & { expiresAt: string } };
    return { kind: 'task', task, lease: { id: lease.id, fence: lease.fence }, ttlMs: ttlMs(answer, lease.expiresAt) };
  }

  async beat(taskId: string, lease: Lease, news: News): Promise<Pulse> {
    const answer = await askHub(this.config, 'POST', `/api/tasks/${taskId}/heartbeat`, { body: { lease, ...news } });
    if (answer.status === 409 || answer.status === 404) return { kind: 'lost', detail: saying(answer) };
    if (answer.status === 422) return { kind: 'refused', detail: saying(answer) };
    if (answer.status !== 200) throw new HubDenied(saying(answer));
    const { continue: goOn, lease: extended } = answer.body as { continue?: boolean; lease?: { expiresAt: string } };
    return { kind: 'held', goOn: goOn !== false, ttlMs: ttlMs(answer, extended?.expiresAt) };
  }

  async report(taskId: string, lease: Lease, report: Report): Promise<Receipt> {
    const { verb, body } = wordsOf(report);
    const answer = await askHub(this.config, 'POST', `/api/tasks/${taskId}/${verb}`, {
      body: { lease, ...body },
      idempotencyKey: `${verb} ${lease.id} ${lease.fence}`,
    });
    if (answer.status < 300) return { kind: 'accepted' };
    if (answer.status === 409 || answer.status === 404) return { kind: 'lost', detail: saying(answer) };
    if (answer.status === 401 || answer.status === 403) throw new HubDenied(saying(answer));
    return { kind: 'refused', code: String(answer.body?.['code'] ?? answer.status), detail: saying(answer) };
  }

  onLost(): void {
    // Here it says so only when it is asked.
  }

  close(): void {
    // Nothing is pushed here.
  }
}

/** By the hub's clock alone: this machine's may be wrong. */
function ttlMs({ headers }: HubAnswer, expiresAt: string | undefined): number {
  const hubNow = Date.parse(headers.get('date') ?? '');
  const left = Date.parse(expiresAt ?? '') - hubNow;
  return Number.isFinite(left) ? Math.max(left, LEAST_TTL_MS) : DEFAULT_TTL_MS;
}
