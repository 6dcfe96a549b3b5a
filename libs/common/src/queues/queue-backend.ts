import {
  createPostgresBackend,
  createRedisBackend,
  setDefaultBackendFactory,
  type BackendFactory,
  type ConnectionOptions,
  type RedisOptions,
} from 'bullmq';
import { Pool } from 'pg';
import { APPLICATION_ROLE } from '../config/application-role.js';
import { QUEUE_SCHEMA } from './queue-schema.js';

/** Connections of one process for all its queues: each worker keeps one, the rest is shared. */
const POSTGRES_POOL_SIZE = 10;

/** A worker waits for Redis for ever and takes up its work when it is back. */
const REDIS_CONSUMER: RedisOptions = { maxRetriesPerRequest: null };
/** Whoever adds a wake-up fails at once while Redis is away: the rows are committed and the sweeper adds it later. */
const REDIS_PRODUCER: RedisOptions = { maxRetriesPerRequest: 1, enableOfflineQueue: false, commandTimeout: 5_000 };

export interface QueueBackendConfig {
  databaseUrl: string;
  redisUrl?: string;
}

/** What carries the queues of this process. Only this file knows which it is. */
export class QueueBackend {
  private constructor(
    readonly name: 'postgres' | 'redis',
    /** What every queue and worker is given as its connection. */
    readonly connection: ConnectionOptions,
    /** What the names of its keys start with; Postgres has its schema instead. */
    readonly prefix: string | undefined,
    private readonly end: () => Promise<void>,
  ) {}

  /** Redis when `redisUrl` is set, otherwise Postgres. Becomes the library's default: call it once per process. */
  static choose({ databaseUrl, redisUrl }: QueueBackendConfig): QueueBackend {
    return redisUrl === undefined ? QueueBackend.postgres(databaseUrl) : QueueBackend.redis(redisUrl, databaseUrl);
  }

  async onApplicationShutdown(): Promise<void> {
    await this.end();
  }

  private static redis(url: string, databaseUrl: string): QueueBackend {
    setDefaultBackendFactory(redisBackend);
    // The database's name keeps installations apart that share a Redis.
    const prefix = `houston-${new URL(databaseUrl).pathname.slice(1)}`;
    return new QueueBackend('redis', { url } as RedisOptions, prefix, async () => undefined);
  }

  private static postgres(databaseUrl: string): QueueBackend {
    setDefaultBackendFactory(createPostgresBackend);
    const pool = new Pool({
      connectionString: databaseUrl,
      max: POSTGRES_POOL_SIZE,
      options: `-c search_path=${QUEUE_SCHEMA} -c role=${APPLICATION_ROLE} -c timezone=UTC`,
      application_name: 'houston queues',
      keepAlive: true,
      connectionTimeoutMillis: 10_000,
    });
    // Every queue and every worker of the process listens for this pool's errors.
    pool.setMaxListeners(0);
    return new QueueBackend('postgres', pool as unknown as ConnectionOptions, undefined, () => pool.end());
  }
}

/** The library passes the same connection to producers and workers; they want different patience. */
const redisBackend: BackendFactory = (name, opts, role = {}) => {
  const patience = role.withBlockingConnection || role.blocking ? REDIS_CONSUMER : REDIS_PRODUCER;
  return createRedisBackend(name, { ...opts, connection: { ...(opts.connection as RedisOptions), ...patience } }, role);
};
