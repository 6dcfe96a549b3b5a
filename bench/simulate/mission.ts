import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { askHub, type HubAnswer, HubUnreachable, saying } from '../../cli/hub-request.js';

const PATIENCE_MS = 60_000;
const PAUSE_MS = 100;

export interface TaskSeen {
  id: string;
  status: string;
  attempts: number;
  payload: { n: number; fate: string };
  result: unknown;
}

export interface EventSeen {
  seq: number | string;
  type: string;
  time: string;
  data: Record<string, unknown>;
}

export interface EscalationSeen {
  ruleId: string;
  taskId: string | null;
  level: number;
}

/** A workspace of a running Houston, as its owner sees it. Questions are repeated while it does not answer. */
export class Mission {
  constructor(
    readonly url: string,
    readonly key: string,
    /** Slug; null: the key's own. */
    readonly workspace: string | null = null,
  ) {}

  in(workspace: string): Mission {
    return new Mission(this.url, this.key, workspace);
  }

  async post<Body = Record<string, unknown>>(path: string, body: unknown): Promise<Body> {
    return this.ask<Body>('POST', path, body);
  }

  async get<Body = Record<string, unknown>>(path: string): Promise<Body> {
    return this.ask<Body>('GET', path);
  }

  /** Everything a list holds. */
  async all<Item>(path: string): Promise<Item[]> {
    const items: Item[] = [];
    for (let cursor = ''; ;) {
      const page = await this.get<{ items: Item[]; nextCursor: string | null }>(`${path}&limit=100${cursor}`);
      items.push(...page.items);
      if (page.nextCursor === null) return items;
      cursor = `&cursor=${encodeURIComponent(page.nextCursor)}`;
    }
  }

  tasks(): Promise<TaskSeen[]> {
    return this.all('/api/tasks?');
  }

  /** Oldest first. */
  async events(type: string): Promise<EventSeen[]> {
    return (await this.all<EventSeen>(`/api/events?type=${encodeURIComponent(type)}`)).reverse();
  }

  private async ask<Body>(method: 'GET' | 'POST', path: string, body?: unknown): Promise<Body> {
    const address = { hub: this.url, key: this.key, workspace: this.workspace };
    const idempotencyKey = method === 'POST' ? randomUUID() : undefined;
    for (const end = performance.now() + PATIENCE_MS; ; await sleep(PAUSE_MS)) {
      try {
        return accepted<Body>(await askHub(address, method, path, { body, idempotencyKey }), `${method} ${path}`);
      } catch (error) {
        if (!(error instanceof HubUnreachable) || performance.now() > end) throw error;
      }
    }
  }
}

function accepted<Body>(answer: HubAnswer, what: string): Body {
  if (answer.status >= 200 && answer.status < 300) return answer.body as Body;
  throw new Error(`${what}: ${saying(answer)} ${JSON.stringify(answer.body?.['errors'] ?? '')}`);
}
