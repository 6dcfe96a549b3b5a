import type { AgentConfig } from '../agent-config.js';
import { Command } from './command.js';
import type { Claim, Hub, Lease, Report, Task } from './hub.js';
import { OutputReader } from './output.js';
import { LeasePulse } from './pulse.js';
import { type Cause, reportOf } from './verdict.js';

export interface AttemptSetting {
  hub: Hub;
  config: AgentConfig;
  command: readonly [string, ...string[]];
  graceMs: number;
  log(line: string): void;
}

/** One run of the command for one leased task. */
export class Attempt {
  readonly task: Task;
  readonly lease: Lease;
  private readonly command: Command;
  private readonly output: OutputReader;
  private readonly pulse: LeasePulse;
  private cause: Cause | 'lost' = 'none';
  private isOver = false;

  constructor(
    private readonly setting: AttemptSetting,
    { task, lease, ttlMs }: Claim & { kind: 'task' },
  ) {
    this.task = task;
    this.lease = lease;
    this.pulse = new LeasePulse(setting.hub, task.id, lease, ttlMs, {
      onLost: (detail) => this.lose(detail),
      onStop: () => this.end('stopped', 'Houston tells it to stop'),
      log: setting.log,
    });
    this.output = new OutputReader((news) => this.pulse.tell(news));
    this.command = new Command(setting.command, {
      input: JSON.stringify(task),
      env: environmentOf(setting.config, task, lease),
      onOutput: (chunk) => this.output.push(chunk),
    });
  }

  /** @returns what to tell of it; null when the lease is lost and nobody wants to know. Rejects when it cannot be started. */
  async run(): Promise<Report | null> {
    const pulsing = this.pulse.run();
    try {
      const exit = await Promise.race([this.command.ended, failureOf(pulsing)]);
      return this.cause === 'lost' ? null : reportOf(exit, this.output.end(), this.cause);
    } catch (error) {
      await this.command.terminate(this.setting.graceMs);
      throw error;
    } finally {
      this.isOver = true;
      this.pulse.end();
    }
  }

  /** The sidecar is being stopped: the command gets the signal, and some time. */
  shutdown(signal: NodeJS.Signals): void {
    if (this.cause === 'none') this.cause = 'shutdown';
    this.command.signal(signal);
    setTimeout(() => void this.command.terminate(0), this.setting.graceMs).unref();
  }

  /** Somebody else may have the task by now. */
  lose(detail: string): void {
    if (!this.isOver) this.end('lost', `its lease is lost: ${detail}`);
  }

  signal(signal: NodeJS.Signals): void {
    this.command.signal(signal);
  }

  private end(cause: 'lost' | 'stopped', why: string): void {
    if (this.cause === cause) return;
    this.cause = cause;
    this.setting.log(`task ${this.task.id}: ${why}`);
    void this.command.terminate(this.setting.graceMs);
  }
}

/** Never resolves: a pulse that ends by itself leaves the command to end. */
async function failureOf(pulsing: Promise<void>): Promise<never> {
  await pulsing;
  return new Promise(() => undefined);
}

function environmentOf(config: AgentConfig, task: Task, lease: Lease): Record<string, string> {
  return {
    HOUSTON_URL: config.hub,
    HOUSTON_API_KEY: config.key,
    ...(config.workspace === null ? {} : { HOUSTON_WORKSPACE: config.workspace }),
    HOUSTON_AGENT: config.agent,
    HOUSTON_AGENT_ID: config.agentId,
    HOUSTON_TASK_ID: task.id,
    HOUSTON_TASK_TITLE: task.title.replaceAll('\0', ''),
    HOUSTON_TASK_ATTEMPT: String(task['attempts'] ?? ''),
    HOUSTON_LEASE_ID: lease.id,
    HOUSTON_LEASE_FENCE: String(lease.fence),
  };
}
