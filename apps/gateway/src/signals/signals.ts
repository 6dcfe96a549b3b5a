import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Client } from 'pg';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';

/** Channels of Postgres, and what their payload is. */
const CHANNELS = {
  /** Id of a workspace in which a task can be taken. */
  taskReady: 'houston_task_ready',
  /** Id of a workspace in which other agents are asked first from now on. */
  strategyChanged: 'houston_strategy_changed',
  /** Id of an agent that was paused, disabled, given another limit, level or price, or has a new session. */
  agentChanged: 'houston_agent_changed',
  /** Id of an agent that is notified of something. */
  agentNotified: 'houston_agent_notified',
  /** Id of an approval that was resolved. */
  approvalResolved: 'houston_approval_resolved',
} as const;

type Channel = keyof typeof CHANNELS;

/** @param id null: signals may have been lost, look everywhere */
type Listener = (id: string | null) => void;

const RECONNECT_MS = 1_000;

/** Hears from Postgres what gateways tell each other, over one connection of its own. */
@Injectable()
export class Signals implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(Signals.name);
  private readonly listeners = new Map<string, Listener[]>();
  private client: Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(@Inject(CONFIG) private readonly config: HoustonConfig) {}

  on(channel: Channel, listener: Listener): void {
    const name = CHANNELS[channel];
    this.listeners.set(name, [...(this.listeners.get(name) ?? []), listener]);
  }

  async onApplicationBootstrap(): Promise<void> {
    await this.connect();
  }

  async onModuleDestroy(): Promise<void> {
    this.isStopped = true;
    clearTimeout(this.retry);
    await this.client?.end();
  }

  private async connect(): Promise<void> {
    const client = new Client({
      connectionString: this.config.databaseUrl,
      application_name: 'houston signals',
      keepAlive: true,
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ channel, payload }) => this.tell(channel, payload ?? null));
    this.client = client;
    try {
      await client.connect();
      for (const channel of Object.values(CHANNELS)) await client.query(`listen ${channel}`);
      for (const channel of Object.values(CHANNELS)) this.tell(channel, null);
    } catch (error) {
      this.lost(client, error);
    }
  }

  /** Meanwhile whoever waits looks again by himself. */
  private lost(client: Client, error?: unknown): void {
    if (this.isStopped || this.client !== client) return;
    this.client = undefined;
    this.logger.warn({ msg: 'lost the connection that carries signals', err: error });
    client.removeAllListeners('notification');
    this.retry = setTimeout(() => void this.connect(), RECONNECT_MS);
  }

  private tell(channel: string, id: string | null): void {
    for (const listener of this.listeners.get(channel) ?? []) listener(id);
  }
}
