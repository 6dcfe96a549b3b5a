import { ConfigFaults, type ConfigFault } from './config-faults.js';
import type { Parsed, Setting } from './setting.js';
import { SETTINGS, type SettingName } from './settings.js';

/** The settings of one Houston process; `settings.ts` says what each means. */
export interface HoustonConfig {
  port: number;
  host: string;
  /** Address blocks. */
  trustedProxies: string[];
  databaseUrl: string;
  redisUrl?: string;
  ownerKey?: string;
  dataDir: string;
  webhookAllowCidrs: string[];
  /** Wait before each attempt, in milliseconds; its length is the number of attempts. */
  webhookRetryScheduleMs: number[];
  /** Wait before each attempt to reach a person, an agent or a channel, in milliseconds; its length is their number. */
  notifyRetryScheduleMs: number[];
  smtpUrl?: string;
  smtpFrom: string;
  publicUrl?: string;
  logLevel: LogLevel;
  admission: AdmissionConfig;
  /** Connections. */
  databasePoolSize: number;
}

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace' | 'silent';

export interface AdmissionConfig {
  committer: 'batched' | 'inline';
  /** Requests per commit. */
  maxBatch: number;
  /** Requests waiting in one gateway before new ones are turned away. */
  maxBacklog: number;
}

/** What the launcher reads: it may bring its own Postgres, so the database may be absent. */
export type LauncherConfig = Omit<HoustonConfig, 'databaseUrl'> & { databaseUrl?: string };

type Env = Readonly<Record<string, string | undefined>>;

/**
 * The settings of a service.
 * @throws ConfigFaults listing everything that is wrong, also an absent DATABASE_URL.
 */
export function readConfig(env: Env = process.env): HoustonConfig {
  const { config, faults } = readAll(env);
  const { databaseUrl } = config;
  if (databaseUrl === undefined && !faults.some((fault) => fault.env === SETTINGS.databaseUrl.env))
    faults.push({ env: SETTINGS.databaseUrl.env, wrong: 'is not set', mend: 'write the URL of the Postgres to use' });
  if (faults.length > 0 || databaseUrl === undefined) throw new ConfigFaults(faults);
  return { ...config, databaseUrl };
}

/**
 * The settings of the launcher, which starts a Postgres of its own when DATABASE_URL is absent.
 * @throws ConfigFaults listing everything that is wrong.
 */
export function readLauncherConfig(env: Env = process.env): LauncherConfig {
  const { config, faults } = readAll(env);
  if (faults.length > 0) throw new ConfigFaults(faults);
  return config;
}

type Value<Name extends SettingName> = Extract<ReturnType<(typeof SETTINGS)[Name]['parse']>, { ok: true }>['value'];

/** Values of faulty settings are missing from `config`; it may be used only when `faults` is empty. */
function readAll(env: Env): { config: LauncherConfig; faults: ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const optional = <Name extends SettingName>(name: Name) =>
    read<Value<Name>>(SETTINGS[name] as Setting<Value<Name>>, env, faults);
  const needed = <Name extends SettingName>(name: Name) => optional(name) as Value<Name>;
  const config: LauncherConfig = {
    port: needed('port'),
    host: needed('host'),
    trustedProxies: optional('trustedProxies') ?? [],
    databaseUrl: optional('databaseUrl'),
    redisUrl: optional('redisUrl'),
    ownerKey: optional('ownerKey'),
    dataDir: needed('dataDir'),
    webhookAllowCidrs: optional('webhookAllowCidrs') ?? [],
    webhookRetryScheduleMs: needed('webhookRetryScheduleMs'),
    notifyRetryScheduleMs: needed('notifyRetryScheduleMs'),
    smtpUrl: optional('smtpUrl'),
    smtpFrom: needed('smtpFrom'),
    publicUrl: optional('publicUrl'),
    logLevel: needed('logLevel'),
    admission: {
      committer: needed('admissionCommitter'),
      maxBatch: needed('admissionMaxBatch'),
      maxBacklog: needed('admissionMaxBacklog'),
    },
    databasePoolSize: needed('databasePoolSize'),
  };
  if (config.admission.maxBacklog < config.admission.maxBatch)
    faults.push({
      env: SETTINGS.admissionMaxBacklog.env,
      wrong: `is smaller than ${SETTINGS.admissionMaxBatch.env}`,
      mend: 'a batch is taken from the backlog, so let the backlog hold at least one batch',
    });
  return { config, faults };
}

function read<T>(setting: Setting<T>, env: Env, faults: ConfigFault[]): T | undefined {
  // An empty variable counts as unset: compose files and shells pass those on for absent values.
  const given = env[setting.env]?.trim();
  const raw = given === undefined || given === '' ? setting.default : given;
  if (raw === undefined) return undefined;
  const parsed: Parsed<T> = setting.parse(raw);
  if (parsed.ok) return parsed.value;
  const wrong = setting.secret === true ? parsed.wrong : `("${raw}") ${parsed.wrong}`;
  faults.push({ env: setting.env, wrong, mend: parsed.mend });
  return undefined;
}
