import { type ChildProcess, spawn } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';

/** How a command ended. */
export interface Exit {
  code: number | null;
  signal: NodeJS.Signals | null;
}

/** What outlives its leader may hold the pipe open; it is not waited for longer than this. */
const DRAIN_MS = 2_000;

/** A command in a process group of its own, so that all it starts can be ended with it. */
export class Command {
  /** Once it has ended and its output is read. Rejects when it cannot be started. */
  readonly ended: Promise<Exit>;
  private readonly child: ChildProcess;
  private terminating = false;

  constructor(
    [program, ...args]: readonly [string, ...string[]],
    { input, env, onOutput }: { input: string; env: Record<string, string>; onOutput: (chunk: Buffer) => void },
  ) {
    this.child = spawn(program, args, {
      detached: true,
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...env },
    });
    this.child.stdout!.on('data', onOutput);
    // A command that does not read its task is within its rights.
    this.child.stdin!.on('error', ignoreBrokenPipe).end(input);
    this.ended = this.end();
  }

  /** Passes a signal on to the whole group. */
  signal(signal: NodeJS.Signals): void {
    const { pid } = this.child;
    if (pid === undefined) return;
    try {
      process.kill(-pid, signal);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
    }
  }

  /** Asks the group to end, and ends what is left of it after `graceMs`. */
  async terminate(graceMs: number): Promise<void> {
    if (this.terminating) return;
    this.terminating = true;
    this.signal('SIGTERM');
    const leaderEnded = this.ended.then(
      () => true,
      () => true,
    );
    await Promise.race([leaderEnded, sleep(graceMs, false, { ref: false })]);
    this.signal('SIGKILL');
  }

  private async end(): Promise<Exit> {
    const closed = new Promise<void>((resolve) => this.child.once('close', () => resolve()));
    const exit = await new Promise<Exit>((resolve, reject) => {
      this.child.once('error', reject);
      this.child.once('exit', (code, signal) => resolve({ code, signal }));
    });
    const drained = new AbortController();
    await Promise.race([closed, sleep(DRAIN_MS, undefined, { signal: drained.signal }).catch(ignoreAbort)]);
    drained.abort();
    this.child.stdout!.destroy();
    return exit;
  }
}

function ignoreBrokenPipe(error: NodeJS.ErrnoException): void {
  if (error.code !== 'EPIPE' && error.code !== 'ECONNRESET') throw error;
}

function ignoreAbort(error: Error): void {
  if (error.name !== 'AbortError') throw error;
}
