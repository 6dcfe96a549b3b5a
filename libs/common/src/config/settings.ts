import { cidr, cidrOrAddress } from './cidr.js';
import { durationMs } from './duration.js';
import { integerBetween, listOf, oneOf, text, urlOf } from './setting.js';

/** Every setting of Houston, in the order of the documentation. */
export const SETTINGS = {
  port: {
    env: 'PORT',
    type: 'integer',
    default: '3000',
    meaning:
      'TCP port of the gateway. Unset, `npm start` takes the next free port when 3000 is taken; set and taken, it stops and says so.',
    parse: integerBetween(1, 65_535),
  },
  host: {
    env: 'HOST',
    type: 'address',
    default: '127.0.0.1',
    meaning: 'Address the gateway listens on: this machine only, unless changed. The container image sets `0.0.0.0`.',
    parse: text(
      /^[A-Za-z0-9.:_-]{1,255}$/,
      'is not an address or host name',
      'write an address such as 127.0.0.1, 0.0.0.0 or ::',
    ),
  },
  trustedProxies: {
    env: 'TRUSTED_PROXIES',
    type: 'list of CIDRs',
    defaultNote: 'none',
    meaning:
      'Address blocks of proxies whose `X-Forwarded-For` is believed, such as `10.0.0.0/8`; from all others it is ignored.',
    parse: listOf(cidrOrAddress, { least: 1, most: 100 }),
  },
  databaseUrl: {
    env: 'DATABASE_URL',
    type: 'URL',
    defaultNote: 'embedded Postgres',
    meaning: 'Postgres 14 or newer to use instead of the embedded one. Needed when a service is started by itself.',
    secret: true,
    parse: urlOf(['postgres:', 'postgresql:'], 'postgres://user:password@host:5432/houston'),
  },
  redisUrl: {
    env: 'REDIS_URL',
    type: 'URL',
    defaultNote: 'queues in Postgres',
    meaning: 'Redis that carries the queues; it must run with `maxmemory-policy noeviction`.',
    secret: true,
    parse: urlOf(['redis:', 'rediss:'], 'redis://user:password@host:6379'),
  },
  ownerKey: {
    env: 'HOUSTON_OWNER_KEY',
    type: 'key',
    defaultNote: 'made at first start',
    meaning:
      'An owner key of your choice: `hou_` and at least 28 more characters. Put in place at every start, beside those that exist.',
    secret: true,
    parse: text(
      /^hou_[\x21-\x7e]{28,251}$/,
      'is not a key of 32 to 255 characters that starts with hou_',
      'write hou_ and at least 28 random characters without spaces, or leave it unset',
    ),
  },
  dataDir: {
    env: 'HOUSTON_DATA_DIR',
    type: 'folder',
    default: '.houston',
    meaning: 'Folder of everything that `npm start` keeps: embedded Postgres, owner key, logs.',
    parse: text(/^[^\0]{1,4096}$/, 'is not a path', 'write the path of a folder'),
  },
  webhookAllowCidrs: {
    env: 'WEBHOOK_ALLOW_CIDRS',
    type: 'list of CIDRs',
    defaultNote: 'none',
    meaning: 'Private address blocks that webhooks may reach all the same, such as `10.0.0.0/8,127.0.0.1/32`.',
    parse: listOf(cidr, { least: 1, most: 100 }),
  },
  webhookRetryScheduleMs: {
    env: 'WEBHOOK_RETRY_SCHEDULE',
    type: 'list of durations',
    default: '0s,5s,5m,30m,2h,5h,10h,14h,20h,24h',
    meaning: 'Wait before each delivery attempt of a webhook; the number of items is the number of attempts.',
    parse: listOf(durationMs, { least: 1, most: 50 }),
  },
  notifyRetryScheduleMs: {
    env: 'NOTIFY_RETRY_SCHEDULE',
    type: 'list of durations',
    default: '0s,10s,30s,60s,2m,4m,8m,15m,15m,15m,15m,15m,15m,15m,15m,15m,15m,15m,15m,15m',
    meaning:
      'Wait before each attempt to reach a person, an agent or a channel; the number of items is the number of attempts.',
    parse: listOf(durationMs, { least: 1, most: 50 }),
  },
  smtpUrl: {
    env: 'SMTP_URL',
    type: 'URL',
    defaultNote: 'no mail is sent',
    meaning: 'Mail server that takes what is sent to people: `smtp://` (STARTTLS where offered) or `smtps://`.',
    secret: true,
    parse: urlOf(['smtp:', 'smtps:'], 'smtp://user:password@mail.example.com:587'),
  },
  smtpFrom: {
    env: 'SMTP_FROM',
    type: 'mail address',
    default: 'Houston <houston@localhost>',
    meaning: 'Sender of every mail: an address, or a name and an address in angle brackets.',
    parse: text(
      /^(?:[^<>@\r\n"]{1,100}<[^<>@\s]{1,64}@[^<>@\s]{1,190}>|[^<>@\s]{1,64}@[^<>@\s]{1,190})$/,
      'is not a mail address',
      'write it like houston@example.com or Houston <houston@example.com>',
    ),
  },
  publicUrl: {
    env: 'PUBLIC_URL',
    type: 'URL',
    defaultNote: 'mails have no link to unsubscribe',
    meaning:
      'Where the gateway is reached from outside, such as `https://houston.example.com`; used in links of mails.',
    parse: urlOf(['http:', 'https:'], 'https://houston.example.com'),
  },
  logLevel: {
    env: 'LOG_LEVEL',
    type: 'name',
    default: 'info',
    meaning: 'Least severity written to the logs: `fatal`, `error`, `warn`, `info`, `debug`, `trace` or `silent`.',
    parse: oneOf('fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'),
  },
  admissionCommitter: {
    env: 'ADMISSION_COMMITTER',
    type: 'name',
    default: 'batched',
    meaning:
      'How admissions are committed: `batched` (requests that arrive together share one commit) or `inline` (one each).',
    parse: oneOf('batched', 'inline'),
  },
  admissionMaxBatch: {
    env: 'ADMISSION_MAX_BATCH',
    type: 'integer',
    default: '256',
    unit: 'requests',
    meaning: 'Most admissions that share one commit.',
    parse: integerBetween(1, 10_000),
  },
  admissionMaxBacklog: {
    env: 'ADMISSION_MAX_BACKLOG',
    type: 'integer',
    default: '5000',
    unit: 'requests',
    meaning: 'Most admissions that wait in one gateway; beyond it new ones get 503 with `Retry-After`.',
    parse: integerBetween(1, 1_000_000),
  },
  databasePoolSize: {
    env: 'DATABASE_POOL_SIZE',
    type: 'integer',
    default: '10',
    unit: 'connections',
    meaning: 'Most database connections of one process, those of the queues aside.',
    parse: integerBetween(1, 500),
  },
} as const;

export type SettingName = keyof typeof SETTINGS;
