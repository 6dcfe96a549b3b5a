import { setTimeout as sleep } from 'node:timers/promises';

const THRESHOLD_SECONDS = 3;
const PATIENCE_MS = 60_000;
const PAGE = 200;

export interface Lateness {
  /** Escalations measured. */
  count: number;
  /** From the moment at which one was due to its row, by the database's clock. */
  p50Ms: number;
  p95Ms: number;
  mostMs: number;
}

interface Escalation {
  dueAt: string;
  raisedAt: string;
}

/**
 * How late escalations come: tasks are put in one after the other, and each is due three seconds after it was.
 *
 * @param url of a gateway beside a scheduler
 * @param tasks how many
 * @param everyMs between one and the next
 */
export async function measureEscalationLateness(
  url: string,
  key: string,
  tasks: number,
  everyMs: number,
): Promise<Lateness> {
  const ask = asker(url, key);
  const tag = `lateness-${Date.now()}`;
  const rule = await ask<{ id: string }>('POST', '/api/escalation-rules', {
    ...{ name: tag, match: { tag, status: 'inbox' }, trigger: 'timeInStatus', threshold: THRESHOLD_SECONDS },
    actions: ['notify'],
  });
  for (let number = 0; number < tasks; number += 1) {
    await ask('POST', '/api/tasks', { title: `Wait ${number}`, tags: [tag], requiredCapabilities: [tag] });
    await sleep(everyMs);
  }
  const raised = await allOf(ask, rule.id, tasks);
  await ask('DELETE', `/api/escalation-rules/${rule.id}`);
  const late = raised.map((one) => Date.parse(one.raisedAt) - Date.parse(one.dueAt)).sort((a, b) => a - b);
  const at = (part: number) => late[Math.min(late.length - 1, Math.floor(late.length * part))] ?? 0;
  return { count: late.length, p50Ms: at(0.5), p95Ms: at(0.95), mostMs: late.at(-1) ?? 0 };
}

type Ask = <T>(method: string, path: string, body?: object) => Promise<T>;

async function allOf(ask: Ask, ruleId: string, expected: number): Promise<Escalation[]> {
  for (const end = performance.now() + PATIENCE_MS; ;) {
    const found = await listed(ask, ruleId);
    if (found.length >= expected) return found;
    if (performance.now() > end) throw new Error(`Only ${found.length} of ${expected} escalations came`);
    await sleep(500);
  }
}

async function listed(ask: Ask, ruleId: string): Promise<Escalation[]> {
  const found: Escalation[] = [];
  for (let cursor: string | null = ''; cursor !== null;) {
    const query = `?ruleId=${ruleId}&limit=${PAGE}${cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`}`;
    const page: { items: Escalation[]; nextCursor: string | null } = await ask('GET', `/api/escalations${query}`);
    found.push(...page.items);
    cursor = page.nextCursor;
  }
  return found;
}

function asker(url: string, key: string): Ask {
  return async <T>(method: string, path: string, body?: object): Promise<T> => {
    const answer = await fetch(url + path, {
      method,
      headers: { authorization: `Bearer ${key}`, ...(body ? { 'content-type': 'application/json' } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
    });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${method} ${path}: ${answer.status} ${text}`);
    return (text === '' ? undefined : JSON.parse(text)) as T;
  };
}
