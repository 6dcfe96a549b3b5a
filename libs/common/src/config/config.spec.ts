import { ConfigFaults } from './config-faults.js';
import { readConfig, readLauncherConfig } from './config.js';
import { configTable } from './config-table.js';
import { SETTINGS } from './settings.js';

const DATABASE_URL = 'postgres://u:p@db:5432/houston';

function faultsOf(read: () => unknown): ConfigFaults {
  try {
    read();
  } catch (error) {
    if (error instanceof ConfigFaults) return error;
    throw error;
  }
  throw new Error('The configuration was accepted.');
}

describe('configuration', () => {
  it('reads nothing but defaults from an empty environment', () => {
    expect(readConfig({ DATABASE_URL })).toEqual({
      port: 3000,
      host: '127.0.0.1',
      trustedProxies: [],
      databaseUrl: DATABASE_URL,
      redisUrl: undefined,
      ownerKey: undefined,
      dataDir: '.houston',
      webhookAllowCidrs: [],
      webhookRetryScheduleMs: [
        0, 5_000, 300_000, 1_800_000, 7_200_000, 18_000_000, 36_000_000, 50_400_000, 72_000_000, 86_400_000,
      ],
      notifyRetryScheduleMs: [0, 10_000, 30_000, 60_000, 120_000, 240_000, 480_000, ...Array(13).fill(900_000)],
      smtpUrl: undefined,
      smtpFrom: 'Houston <houston@localhost>',
      publicUrl: undefined,
      logLevel: 'info',
      admission: { committer: 'batched', maxBatch: 256, maxBacklog: 5000 },
      databasePoolSize: 10,
    });
  });

  it('reads every setting', () => {
    const config = readConfig({
      PORT: '8080',
      HOST: '0.0.0.0',
      TRUSTED_PROXIES: '10.0.0.0/8,192.168.1.5,fd00::1',
      DATABASE_URL,
      REDIS_URL: 'rediss://cache:6380',
      HOUSTON_OWNER_KEY: `hou_${'k'.repeat(28)}`,
      HOUSTON_DATA_DIR: '/var/lib/houston',
      WEBHOOK_ALLOW_CIDRS: '10.0.0.0/8, fd00::/8',
      WEBHOOK_RETRY_SCHEDULE: '0s,250ms,1d',
      NOTIFY_RETRY_SCHEDULE: '0s,1s',
      SMTP_URL: 'smtps://mail:465',
      SMTP_FROM: 'ops@example.com',
      PUBLIC_URL: 'https://houston.example.com',
      LOG_LEVEL: 'debug',
      ADMISSION_COMMITTER: 'inline',
      ADMISSION_MAX_BATCH: '10',
      ADMISSION_MAX_BACKLOG: '20',
      DATABASE_POOL_SIZE: '3',
    });
    expect(config).toEqual({
      port: 8080,
      host: '0.0.0.0',
      trustedProxies: ['10.0.0.0/8', '192.168.1.5/32', 'fd00::1/128'],
      databaseUrl: DATABASE_URL,
      redisUrl: 'rediss://cache:6380',
      ownerKey: `hou_${'k'.repeat(28)}`,
      dataDir: '/var/lib/houston',
      webhookAllowCidrs: ['10.0.0.0/8', 'fd00::/8'],
      webhookRetryScheduleMs: [0, 250, 86_400_000],
      notifyRetryScheduleMs: [0, 1_000],
      smtpUrl: 'smtps://mail:465',
      smtpFrom: 'ops@example.com',
      publicUrl: 'https://houston.example.com',
      logLevel: 'debug',
      admission: { committer: 'inline', maxBatch: 10, maxBacklog: 20 },
      databasePoolSize: 3,
    });
  });

  it('names every fault at once, and how to mend each', () => {
    const wrong = {
      PORT: '70000',
      HOST: 'not a host',
      DATABASE_URL: 'mysql://u:p@db/houston',
      REDIS_URL: 'nowhere',
      HOUSTON_OWNER_KEY: 'hou_short',
      WEBHOOK_ALLOW_CIDRS: '10.0.0.0/8,10.0.0.1',
      WEBHOOK_RETRY_SCHEDULE: '0s,5 minutes',
      LOG_LEVEL: 'loud',
      ADMISSION_COMMITTER: 'magic',
      ADMISSION_MAX_BATCH: '-1',
      ADMISSION_MAX_BACKLOG: '1.5',
      DATABASE_POOL_SIZE: '0',
    };
    const { faults, message } = faultsOf(() => readConfig(wrong));
    expect(faults.map((fault) => fault.env).sort()).toEqual(Object.keys(wrong).sort());
    for (const fault of faults) expect(message).toContain(`${fault.env} ${fault.wrong}: ${fault.mend}`);
  });

  it('never repeats a secret in a fault', () => {
    const { message } = faultsOf(() =>
      readConfig({
        DATABASE_URL: 'mysql://u:hunter2@db',
        REDIS_URL: 'http://:hunter3@r',
        HOUSTON_OWNER_KEY: 'hunter4',
      }),
    );
    expect(message).not.toMatch(/hunter/);
  });

  it('demands a database of a service, but not of the launcher', () => {
    expect(faultsOf(() => readConfig({})).faults).toEqual([
      expect.objectContaining({ env: 'DATABASE_URL', wrong: 'is not set' }),
    ]);
    expect(readLauncherConfig({}).databaseUrl).toBeUndefined();
  });

  it('names a faulty database URL once', () => {
    expect(faultsOf(() => readConfig({ DATABASE_URL: 'x' })).faults).toHaveLength(1);
  });

  it('takes an empty variable for an unset one', () => {
    expect(readConfig({ DATABASE_URL, PORT: '', REDIS_URL: ' ', WEBHOOK_ALLOW_CIDRS: '' })).toEqual(
      readConfig({ DATABASE_URL }),
    );
  });

  it('refuses a backlog that holds less than one batch', () => {
    const { faults } = faultsOf(() =>
      readConfig({ DATABASE_URL, ADMISSION_MAX_BACKLOG: '100', ADMISSION_MAX_BATCH: '101' }),
    );
    expect(faults.map((fault) => fault.env)).toEqual(['ADMISSION_MAX_BACKLOG']);
  });

  it.each(['', '0s,', '1', 's', '-1s', '1.5s', '31d', '99999999999999s', '5S'])(
    'refuses the retry schedule "%s" unless it is empty',
    (schedule) => {
      const read = () => readConfig({ DATABASE_URL, WEBHOOK_RETRY_SCHEDULE: schedule });
      if (schedule === '') expect(read().webhookRetryScheduleMs).toHaveLength(10);
      else expect(faultsOf(read).faults.map((fault) => fault.env)).toEqual(['WEBHOOK_RETRY_SCHEDULE']);
    },
  );

  it('has a table row for every setting, with its default', () => {
    const rows = configTable().split('\n');
    expect(rows).toHaveLength(Object.keys(SETTINGS).length + 2);
    for (const setting of Object.values(SETTINGS)) {
      const row = rows.find((line) => line.startsWith(`| \`${setting.env}\` `));
      expect(row).toContain(setting.meaning);
      if ('default' in setting) expect(row).toContain(`\`${setting.default}\``);
    }
    expect(new Set(rows.map((row) => row.length)).size).toBe(1);
  });
});
