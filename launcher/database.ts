import { setTimeout as delay } from 'node:timers/promises';
import { startEmbeddedPostgres, type EmbeddedPostgres } from './embedded-postgres.js';
import { rotateLog } from './log-file.js';

/**
 * The database of this run: the embedded server, started again on the same port when it dies, or one that others run.
 */
export class RunDatabase {
  private server: EmbeddedPostgres | undefined;
  private ending = false;

  private constructor(
    readonly url: string,
    private readonly dataDir: string,
    private readonly tell: (line: string) => void,
  ) {}

  static external(url: string): RunDatabase {
    return new RunDatabase(url, '', () => undefined);
  }

  static async embedded(dataDir: string, tell: (line: string) => void): Promise<RunDatabase> {
    await rotateLog(dataDir, 'postgres');
    const server = await startEmbeddedPostgres({ dataDir });
    const database = new RunDatabase(server.url, dataDir, tell);
    database.server = server;
    void database.keepAlive(server);
    return database;
  }

  /** @param withinMs time for an orderly stop; then the next start has a little to recover. */
  async stop(withinMs: number): Promise<void> {
    this.ending = true;
    await this.server?.stop(withinMs);
  }

  private async keepAlive(first: EmbeddedPostgres): Promise<void> {
    for (let server = first; ;) {
      await server.exited;
      if (this.ending) return;
      this.tell('postgres died; starting it again');
      const again = await this.restart(server.port);
      if (again === undefined) return;
      server = again;
    }
  }

  /** Until it works: without a database nothing else does, and the reason is said each time. */
  private async restart(port: number): Promise<EmbeddedPostgres | undefined> {
    for (let waitMs = 500; !this.ending; waitMs = Math.min(waitMs * 2, 30_000)) {
      try {
        this.server = await startEmbeddedPostgres({ dataDir: this.dataDir, port });
        this.tell('postgres is back');
        if (this.ending) await this.server.stop();
        return this.server;
      } catch (error) {
        this.tell(
          `postgres did not start; next try in ${waitMs / 1000} s. ${error instanceof Error ? error.message : String(error)}`,
        );
        await delay(waitMs);
      }
    }
    return undefined;
  }
}
