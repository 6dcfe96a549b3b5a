import { randomUUID } from 'node:crypto';
import {
  AgentSocket,
  type Hello,
  type HoustonFrame,
  type LeaseFrame,
  type Ready,
  type TaskFrame,
} from '../../cli/socket/agent-socket.js';
import { until } from './until.js';

type FrameOf<T extends HoustonFrame['type']> = HoustonFrame & { type: T };

export interface ConnectOptions extends Partial<Omit<Hello, 'agentId'>> {
  url: string;
  key: string;
  workspace?: string;
  ticket?: string;
  /** Acknowledge tasks by itself. Default: true. */
  acks?: boolean;
}

/** An agent behind a real socket that writes down all it hears. */
export class ConnectedAgent {
  readonly frames: HoustonFrame[] = [];
  readonly taskTimes: number[] = [];
  closed: { code: number; reason: string } | null = null;
  private taken = 0;
  private socket: AgentSocket | undefined;

  private constructor(private readonly acks: boolean) {}

  static async connect(agentId: string, options: ConnectOptions): Promise<ConnectedAgent> {
    const { url, key, workspace = null, ticket, acks = true, instanceId = randomUUID(), ...more } = options;
    const agent = new ConnectedAgent(acks);
    const hello = { agentId, instanceId, ...more };
    const listener = {
      onFrame: (frame: HoustonFrame, socket: AgentSocket) => agent.hear(frame, socket),
      onClose: (code: number, reason: string) => void (agent.closed = { code, reason }),
    };
    agent.socket =
      ticket === undefined
        ? await AgentSocket.connect({ hub: url, key, workspace }, hello, listener)
        : await AgentSocket.connectWithTicket(url, ticket, hello, listener);
    return agent;
  }

  get ready(): Ready {
    return this.socket!.ready;
  }

  get tasks(): TaskFrame[] {
    return this.of('task');
  }

  of<T extends HoustonFrame['type']>(type: T): FrameOf<T>[] {
    return this.frames.filter((frame): frame is FrameOf<T> => frame.type === type);
  }

  /** The next task that was not asked for yet. */
  async task(withinMs = 15_000): Promise<TaskFrame> {
    const place = this.taken;
    this.taken += 1;
    return until(() => this.tasks[place] ?? null, withinMs);
  }

  /** Waits for the nth frame of a type. */
  heard<T extends HoustonFrame['type']>(type: T, nth = 1): Promise<FrameOf<T>> {
    return until(() => this.of(type)[nth - 1] ?? null, 15_000);
  }

  say(type: string, fields: Record<string, unknown> = {}): void {
    this.socket!.send({ type, ...fields });
  }

  result({ task, lease }: TaskFrame, result: unknown = { ok: true }): void {
    this.say('result', { taskId: task.id, lease: bare(lease), result });
  }

  hasClosed(): Promise<{ code: number; reason: string }> {
    return until(() => this.closed, 20_000);
  }

  close(): void {
    this.socket?.close();
  }

  terminate(): void {
    this.socket?.terminate();
  }

  private hear(frame: HoustonFrame, socket: AgentSocket): void {
    this.frames.push(frame);
    if (frame.type !== 'task') return;
    this.taskTimes.push(performance.now());
    if (this.acks) socket.ack(frame.task.id, frame.lease);
  }
}

export function bare({ id, fence }: LeaseFrame): { id: string; fence: number } {
  return { id, fence };
}
