import autocannon from 'autocannon';
import { OWNER_KEY } from './lab.js';

/** What one round of load measured. */
export interface Figures {
  requestsPerSecond: number;
  p50Ms: number;
  p99Ms: number;
}

export interface Load {
  url: string;
  path: string;
  method?: 'GET' | 'POST';
  body?: string;
  /** Called for each request; for loads that never ask the same twice. */
  each?: () => { path: string; body: string };
  connections: number;
  seconds: number;
}

/** Applies a load and fails when any answer was not 2xx: a fast refusal is no figure. */
export async function measure(load: Load): Promise<Figures> {
  const { url, path, method = 'GET', body, each, connections, seconds } = load;
  const headers = {
    authorization: `Bearer ${OWNER_KEY}`,
    ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
  };
  const setupRequest = each && ((request: autocannon.Request) => ({ ...request, ...each() }));
  const result = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: [
      { method, path, headers, ...(body === undefined ? {} : { body }), ...(setupRequest ? { setupRequest } : {}) },
    ],
  });
  const bad = result.non2xx + result.errors + result.timeouts;
  if (bad > 0) throw new Error(`${bad} of ${result.requests.total} requests to ${path} failed`);
  return { requestsPerSecond: result.requests.average, p50Ms: result.latency.p50, p99Ms: result.latency.p99 };
}

/** The round in the middle by throughput. */
export function median(rounds: Figures[]): Figures {
  return rounds.toSorted((a, b) => a.requestsPerSecond - b.requestsPerSecond)[Math.floor(rounds.length / 2)]!;
}
