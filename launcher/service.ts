import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';
import { openLog } from './log-file.js';
import { LastLines, readOutput, type OutputSinks } from './service-output.js';

export interface ServiceSpec {
  name: string;
  /** The compiled program. */
  main: string;
  nodeFlags: readonly string[];
  env: NodeJS.ProcessEnv;
  dataDir: string;
  tell: (line: string) => void;
}

/** A service's first start: it is ready, or it is not and these were its last lines. */
export type FirstStart =
  { outcome: 'ready'; port: number | undefined } | { outcome: 'failed'; why: string; lastLines: string[] };

const READY_WITHIN_MS = 60_000;
const FIRST_WAIT_MS = 500;
const LONGEST_WAIT_MS = 30_000;
/** A service that lived this long died of something new: waiting starts small again. */
const HEALTHY_AFTER_MS = 60_000;

/**
 * One service as a child process. It says `{type: 'ready', port?}` over its channel when it can work, and ends by itself
 * when the channel closes, so that a killed launcher leaves no service behind. Once ready it is started again whenever
 * it dies, and each time that is said.
 */
export class Service {
  readonly name: string;
  private child: ChildProcess | undefined;
  private last = new LastLines();
  private sinks: OutputSinks | undefined;
  private readonly ending = new AbortController();

  constructor(private readonly spec: ServiceSpec) {
    this.name = spec.name;
  }

  get pid(): number | undefined {
    return this.child?.pid;
  }

  async start(): Promise<FirstStart> {
    this.sinks = {
      log: await openLog(this.spec.dataDir, this.name),
      tell: (line) => this.spec.tell(`${this.name}: ${line}`),
    };
    const startedAt = Date.now();
    const child = this.spawn(this.sinks);
    const ended = endOf(child);
    const first = await Promise.race([
      readyMessage(child),
      ended,
      delay(READY_WITHIN_MS, 'slow' as const, { ref: false }),
    ]);
    if (typeof first === 'object') {
      void this.keepAlive(ended, startedAt, this.sinks);
      return { outcome: 'ready', port: first.port };
    }
    const why = first === 'slow' ? `was not ready within ${READY_WITHIN_MS / 1000} s` : `ended at once (${first})`;
    return { outcome: 'failed', why, lastLines: this.last.lines };
  }

  /** Asks it to end, and ends it after `withinMs`. */
  async stop(withinMs: number): Promise<void> {
    this.ending.abort();
    const child = this.child;
    if (child === undefined || hasEnded(child)) return;
    const ended = endOf(child);
    child.kill('SIGTERM');
    if ((await Promise.race([ended, delay(withinMs, 'slow' as const, { ref: false })])) !== 'slow') return;
    this.spec.tell(`${this.name} did not end within ${(withinMs / 1000).toFixed(1)} s and was killed`);
    child.kill('SIGKILL');
    await ended;
  }

  /** Ends it without asking. */
  kill(): void {
    this.ending.abort();
    this.child?.kill('SIGKILL');
  }

  private spawn(sinks: OutputSinks): ChildProcess {
    this.last = new LastLines();
    // A group of its own: Ctrl-C in a terminal then reaches the launcher alone, which stops all in their order.
    const child = spawn(process.execPath, [...this.spec.nodeFlags, this.spec.main], {
      env: this.spec.env,
      detached: true,
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    });
    this.child = child;
    if (child.stdout !== null) readOutput(child.stdout, 'stdout', this.last, sinks);
    if (child.stderr !== null) readOutput(child.stderr, 'stderr', this.last, sinks);
    return child;
  }

  private async keepAlive(firstEnd: Promise<string>, firstStart: number, sinks: OutputSinks): Promise<void> {
    let ended = firstEnd;
    let startedAt = firstStart;
    for (let waitMs = FIRST_WAIT_MS; ; waitMs = Math.min(waitMs * 2, LONGEST_WAIT_MS)) {
      const how = await ended;
      if (this.ending.signal.aborted) return;
      if (Date.now() - startedAt > HEALTHY_AFTER_MS) waitMs = FIRST_WAIT_MS;
      this.spec.tell(`${this.name} died (${how}); starting it again in ${waitMs / 1000} s`);
      await delay(waitMs, undefined, { signal: this.ending.signal }).catch(() => undefined);
      if (this.ending.signal.aborted) return;
      startedAt = Date.now();
      const child = this.spawn(sinks);
      ended = endOf(child);
      void readyMessage(child).then(() => this.spec.tell(`${this.name} is back`));
    }
  }
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null || child.pid === undefined;
}

/** How a process ended, in words. */
function endOf(child: ChildProcess): Promise<string> {
  return new Promise((resolve) => {
    if (child.exitCode !== null) resolve(`exit code ${child.exitCode}`);
    else if (child.signalCode !== null) resolve(child.signalCode);
    child.once('close', (code, signal) => resolve(signal ?? `exit code ${code}`));
    child.once('error', (error) => resolve(error.message));
  });
}

function readyMessage(child: ChildProcess): Promise<{ port: number | undefined }> {
  return new Promise((resolve) => {
    child.on('message', (message: { type?: unknown; port?: unknown } | null) => {
      if (message?.type === 'ready') resolve({ port: typeof message.port === 'number' ? message.port : undefined });
    });
  });
}
