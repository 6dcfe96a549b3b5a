import { setTimeout as delay } from 'node:timers/promises';

const PATIENCE_MS = 40_000;
const ANSWER_WITHIN_MS = 5_000;
const NO_ANSWER = new Set(['TypeError', 'SyntaxError', 'AbortError', 'TimeoutError']);

export interface Answer {
  status: number;
  body: Record<string, unknown>;
}

/**
 * A client as an agent should be: it asks again, under the same Idempotency-Key, until it has an answer that says
 * something. No answer, 503 and "the first attempt still runs" say nothing.
 */
export class PersistentClient {
  /** Attempts without an answer. */
  unanswered = 0;

  /** Who asks. */
  readonly headers: Record<string, string>;

  constructor(
    private readonly url: string,
    key: string,
  ) {
    this.headers = { authorization: `Bearer ${key}` };
  }

  async post(path: string, body: unknown, idempotencyKey?: string): Promise<Answer> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await delay(50)) {
      const answer = await this.once(path, body, idempotencyKey);
      if (answer && answer.status < 500 && answer.body['code'] !== 'idempotency_key_in_progress') return answer;
      this.unanswered += 1;
    }
    throw new Error(`POST ${path} had no answer within ${PATIENCE_MS} ms`);
  }

  private async once(path: string, body: unknown, idempotencyKey?: string): Promise<Answer | null> {
    try {
      const response = await fetch(this.url + path, {
        method: 'POST',
        headers: {
          ...this.headers,
          'content-type': 'application/json',
          ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
        },
        body: JSON.stringify(body),
        signal: AbortSignal.timeout(ANSWER_WITHIN_MS),
      });
      return { status: response.status, body: (await response.json()) as Record<string, unknown> };
    } catch (error) {
      // The gateway was killed, was too slow, or answered half. By name: what fetch throws comes from another realm.
      if (NO_ANSWER.has((error as Error).name)) return null;
      throw error;
    }
  }
}
