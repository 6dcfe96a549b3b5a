import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { Client } from 'pg';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';

const CHANNEL = 'houston_task_ready';
const RECONNECT_MS = 1_000;

/** @param workspaceId null: signals may have been lost, look everywhere */
type Listener = (workspaceId: string | null) => void;

/** Hears from Postgres when a task becomes free to be taken, over one connection of its own. */
@Injectable()
export class TaskReadySignal implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly logger = new Logger(TaskReadySignal.name);
  private readonly listeners: Listener[] = [];
  private client: Client | undefined;
  private retry: NodeJS.Timeout | undefined;
  private isStopped = false;

  constructor(@Inject(CONFIG) private readonly config: HoustonConfig) {}

  subscribe(listener: Listener): void {
    this.listeners.push(listener);
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
      application_name: 'houston task signal',
      keepAlive: true,
    });
    client.on('error', (error) => this.lost(client, error));
    client.on('end', () => this.lost(client));
    client.on('notification', ({ payload }) => this.tell(payload ?? null));
    this.client = client;
    try {
      await client.connect();
      await client.query(`listen ${CHANNEL}`);
      this.tell(null);
    } catch (error) {
      this.lost(client, error);
    }
  }

  /** Meanwhile whoever waits looks again by himself. */
  private lost(client: Client, error?: unknown): void {
    if (this.isStopped || this.client !== client) return;
    this.client = undefined;
    this.logger.warn({ msg: 'lost the connection that tells of free tasks', err: error });
    client.removeAllListeners('notification');
    this.retry = setTimeout(() => void this.connect(), RECONNECT_MS);
  }

  private tell(workspaceId: string | null): void {
    for (const listener of this.listeners) listener(workspaceId);
  }
}
