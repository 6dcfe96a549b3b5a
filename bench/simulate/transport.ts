import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentConfig } from '../../cli/agent-config.js';
import { HttpHub } from '../../cli/sidecar/http-hub.js';
import type { Hub } from '../../cli/sidecar/hub.js';
import { SocketHub } from '../../cli/sidecar/socket-hub.js';
import { AgentSocket, NotConnected } from '../../cli/socket/agent-socket.js';

export type Transport = 'http' | 'socket';

const BEAT_MS = 500;

/** One way to Houston for one task at a time, as a sidecar has it. */
export function hubOf(transport: Transport, config: AgentConfig): Hub {
  if (transport === 'http') return new HttpHub(config);
  return new SocketHub({ config, concurrency: 1, log: () => undefined });
}

/** Is there, says that it is alive, and takes up nothing of what it is offered. */
export async function beDeaf(config: AgentConfig, ms: number): Promise<void> {
  try {
    const hello = { agentId: config.agentId, instanceId: `deaf ${process.pid}`, maxConcurrent: 1 };
    const socket = await AgentSocket.connect(config, hello, { onFrame: () => undefined, onClose: () => undefined });
    for (const end = performance.now() + ms; performance.now() < end && socket.isOpen; await sleep(BEAT_MS))
      socket.send({ type: 'heartbeat', tasks: [] });
    socket.close();
  } catch (error) {
    if (!(error instanceof NotConnected)) throw error;
  }
}
