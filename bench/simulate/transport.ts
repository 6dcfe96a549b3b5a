import { HttpHub } from '../../cli/sidecar/http-hub.js';
import type { Claim, Hub } from '../../cli/sidecar/hub.js';

export interface TransportOrder {
  url: string;
  key: string;
  workspace: string;
  agentId: string;
  name: string;
  transport: 'http' | 'socket';
}

/** The way to Houston, and how to break it. */
export interface Line {
  hub: Hub;
  disconnect(): void;
}

export function hubOf(order: TransportOrder): Line {
  const { url, key, workspace, agentId, name } = order;
  const hub = new DroppableHub(new HttpHub({ hub: url, key, workspace, agent: name, agentId, keyId: '' }));
  return { hub, disconnect: () => hub.drop() };
}

/** Long polling whose waiting questions can be torn off. */
class DroppableHub implements Hub {
  private dropping = new AbortController();
  readonly beat: Hub['beat'];
  readonly report: Hub['report'];

  constructor(private readonly inner: Hub) {
    this.beat = inner.beat.bind(inner);
    this.report = inner.report.bind(inner);
  }

  claim(waitSeconds: number, signal: AbortSignal): Promise<Claim> {
    return this.inner.claim(waitSeconds, AbortSignal.any([signal, this.dropping.signal]));
  }

  drop(): void {
    this.dropping.abort();
    this.dropping = new AbortController();
  }
}
