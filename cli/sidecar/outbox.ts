import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { HubUnreachable } from '../hub-request.js';
import { Backoff } from './backoff.js';
import { type Hub, HubDenied, type Lease, type Report } from './hub.js';

export interface Letter {
  taskId: string;
  lease: Lease;
  report: Report;
}

/**
 * Reports on their way to the hub. Each is a file until the hub has answered, so that what was done is told even when
 * hub and sidecar die in between; a report whose lease is lost by then changes nothing.
 */
export class Outbox {
  private readonly stopping = new AbortController();

  constructor(
    private readonly folder: string,
    private readonly hub: Hub,
    private readonly log: (line: string) => void,
  ) {}

  /** Stops trying; what is not told yet stays for the next run. */
  close(): void {
    this.stopping.abort();
  }

  /** Keeps a report and tells it, however long that takes. @returns false when it was closed before */
  async send(letter: Letter): Promise<boolean> {
    await this.keep(letter);
    return this.deliver(letter);
  }

  /** Tells what earlier runs left behind. @returns how many are left */
  async flush(): Promise<number> {
    const left = await Promise.all((await this.letters()).map(async (letter) => !(await this.deliver(letter))));
    return left.filter(Boolean).length;
  }

  private async deliver(letter: Letter): Promise<boolean> {
    const backoff = new Backoff();
    for (let attempt = 1; !this.stopping.signal.aborted; attempt += 1) {
      try {
        await this.tell(letter);
        await rm(this.fileOf(letter), { force: true });
        return true;
      } catch (error) {
        if (error instanceof HubDenied) throw error;
        if (!(error instanceof HubUnreachable)) throw error;
        if (attempt === 1) this.log(`task ${letter.taskId}: its report waits: ${error.message}`);
        await this.rest(backoff.nextMs(error.retryAfterMs));
      }
    }
    return false;
  }

  private async tell({ taskId, lease, report }: Letter): Promise<void> {
    const receipt = await this.hub.report(taskId, lease, report);
    switch (receipt.kind) {
      case 'accepted':
        return this.log(
          `task ${taskId}: ${report.kind === 'complete' ? 'completed' : report.kind === 'fail' ? 'failed' : 'released'}`,
        );
      case 'lost':
        return this.log(`task ${taskId}: its report came too late: ${receipt.detail}`);
      case 'refused':
        this.log(`task ${taskId}: its report was refused: ${receipt.detail}`);
        if (report.kind !== 'complete') return;
        await this.tell({
          ...{ taskId, lease },
          report: {
            kind: 'fail',
            failure: 'transient',
            error: receipt.detail.slice(0, 8_000),
            errorType: receipt.code,
          },
        });
    }
  }

  private async rest(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: this.stopping.signal }).catch((error: Error) => {
      if (error.name !== 'AbortError') throw error;
    });
  }

  private async keep(letter: Letter): Promise<void> {
    await mkdir(this.folder, { recursive: true, mode: 0o700 });
    const file = this.fileOf(letter);
    await writeFile(`${file}.draft`, JSON.stringify(letter), { mode: 0o600 });
    await rename(`${file}.draft`, file);
  }

  private async letters(): Promise<Letter[]> {
    const names = await readdir(this.folder).catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return [];
      throw error;
    });
    const files = names.filter((name) => name.endsWith('.json')).sort();
    return Promise.all(
      files.map(async (name) => JSON.parse(await readFile(path.join(this.folder, name), 'utf8')) as Letter),
    );
  }

  private fileOf({ taskId, lease }: Letter): string {
    return path.join(this.folder, `${taskId}-${lease.fence}.json`);
  }
}
