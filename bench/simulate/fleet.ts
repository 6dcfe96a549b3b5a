import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentOrder } from './agent.js';

const RESTART_MS = 300;
const STOP_MS = 3_000;

/** An agent that was heard of no more, for good or for a while. */
export interface Death {
  agent: string;
  pid: number;
  /** Of this machine's clock, in ms. */
  at: number;
  kind: 'died' | 'stood still';
}

export interface FleetSetting {
  /** Folder of the compiled simulation. */
  programs: string;
  /** How long an agent that stands still is left alone. */
  standStillMs: number;
  clockOffsetMs: (agent: number) => number;
}

/** Agents as processes: whoever dies comes back, whoever stands still is woken too late. */
export class Fleet {
  readonly deaths: Death[] = [];
  /** What the operating system or an agent itself said that nobody expected. */
  readonly surprises: string[] = [];
  private readonly children = new Map<number, ChildProcess>();
  private isOver = false;

  constructor(
    private readonly orders: readonly AgentOrder[],
    private readonly setting: FleetSetting,
  ) {}

  start(): void {
    for (const number of this.orders.keys()) this.spawn(number);
  }

  /** Kills one, whatever it is doing; it comes back as if it had died by itself. */
  kill(number: number): void {
    this.children.get(number)?.kill('SIGKILL');
  }

  /** Ends all of them and resolves when they are gone. */
  async stop(): Promise<void> {
    this.isOver = true;
    await Promise.all(
      [...this.children.values()].map(async (child) => {
        const ended = once(child, 'exit');
        child.kill('SIGCONT');
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), STOP_MS);
        await ended;
        clearTimeout(timer);
      }),
    );
  }

  private spawn(number: number): void {
    const order = this.orders[number]!;
    const { programs } = this.setting;
    const [clock, agent] = [path.join(programs, 'shifted-clock.js'), path.join(programs, 'agent.js')];
    const child = spawn(process.execPath, ['--import', clock, agent, JSON.stringify(order)], {
      env: { PATH: process.env.PATH, CLOCK_OFFSET_MS: String(this.setting.clockOffsetMs(number)) },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
    });
    this.children.set(number, child);
    child.on('message', () => void this.wakeLater(order.name, child));
    child.once('exit', (code, signal) => {
      this.children.delete(number);
      if (this.isOver) return;
      this.deaths.push({ agent: order.name, pid: child.pid ?? 0, at: Date.now(), kind: 'died' });
      if (signal !== 'SIGKILL') this.surprises.push(`${order.name} ended with ${signal ?? code}`);
      setTimeout(() => this.isOver || this.spawn(number), RESTART_MS);
    });
  }

  private async wakeLater(agent: string, child: ChildProcess): Promise<void> {
    this.deaths.push({ agent, pid: child.pid ?? 0, at: Date.now(), kind: 'stood still' });
    await sleep(this.setting.standStillMs);
    child.kill('SIGCONT');
  }
}
