import { Pool } from 'undici';
import { AgentSocket, type HoustonFrame } from '../cli/socket/agent-socket.js';
import { OWNER_KEY } from './lab.js';

const PRODUCER_CONNECTIONS = 8;
const SLOTS = 4;
/** Often enough for the shortest lease that a bench would set. */
const HEARTBEAT_MS = 5_000;

/** One assignment: when its task was put in, and how long it took from there to the agent's hands. */
export interface Assignment {
  /** Of performance.now(), when the request that put the task in left. */
  putAt: number;
  tookMs: number;
}

/** A fleet on sockets that takes tasks as fast as it is given any, completes each at once, and notes how long it had waited. */
export class AgentsLoad {
  readonly assignments: Assignment[] = [];
  completed = 0;
  private readonly sockets: AgentSocket[] = [];
  private heartbeat: NodeJS.Timeout | undefined;
  private fault: Error | null = null;
  private isOver = false;

  private constructor(
    private readonly url: string,
    private readonly pool: Pool,
  ) {}

  /** Makes the agents and connects them. */
  static async start(url: string, agents: number): Promise<AgentsLoad> {
    const load = new AgentsLoad(url, new Pool(url, { connections: PRODUCER_CONNECTIONS, pipelining: 1 }));
    const beat = () => load.sockets.forEach((socket) => socket.send({ type: 'heartbeat', tasks: [] }));
    load.heartbeat = setInterval(beat, HEARTBEAT_MS);
    for (let n = 0; n < agents; n += 1) await load.hire(`load-${n}-${Date.now()}`);
    return load;
  }

  async put(count: number): Promise<void> {
    if (this.fault) throw this.fault;
    const payload = { putAt: performance.now() };
    await this.post('/api/tasks/bulk', { items: Array.from({ length: count }, () => ({ title: 'Load', payload })) });
  }

  async stop(): Promise<void> {
    this.isOver = true;
    clearInterval(this.heartbeat);
    for (const socket of this.sockets) socket.close();
    await this.pool.close();
    if (this.fault) throw this.fault;
  }

  private async hire(name: string): Promise<void> {
    const { id } = (await this.post('/api/agents', { name, maxConcurrent: SLOTS })) as { id: string };
    const socket = await AgentSocket.connect(
      { hub: this.url, key: OWNER_KEY, workspace: null },
      { agentId: id, instanceId: name },
      {
        onFrame: (frame, line) => this.hear(frame, line),
        onClose: (code, reason) => {
          if (!this.isOver) this.fault ??= new Error(`A socket was closed: ${code} ${reason}`);
        },
      },
    );
    this.sockets.push(socket);
  }

  private hear(frame: HoustonFrame, socket: AgentSocket): void {
    if (frame.type === 'task') {
      const { putAt } = frame.task['payload'] as { putAt: number };
      this.assignments.push({ putAt, tookMs: performance.now() - putAt });
      const { id, fence } = frame.lease;
      socket.ack(frame.task.id, frame.lease);
      socket.send({ type: 'result', taskId: frame.task.id, lease: { id, fence }, result: { ok: true } });
    } else if (frame.type === 'result.ok') {
      this.completed += 1;
    } else if (frame.type === 'error') {
      this.fault ??= new Error(`An agent was refused: ${frame.code} ${frame.detail}`);
    }
  }

  private async post(path: string, body: unknown): Promise<unknown> {
    const headers = { authorization: `Bearer ${OWNER_KEY}`, 'content-type': 'application/json' };
    const answer = await this.pool.request({ method: 'POST', path, headers, body: JSON.stringify(body) });
    const text = await answer.body.text();
    if (answer.statusCode >= 300) throw new Error(`POST ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
    return JSON.parse(text) as unknown;
  }
}
