import { hostname } from 'node:os';
import { Inject, Injectable, Module, type BeforeApplicationShutdown, type DynamicModule } from '@nestjs/common';
import { Database } from '../db/database.js';
import { DatabaseModule } from '../db/database.module.js';
import { Duties, DutiesModule } from '../duties/duties.module.js';
import { Duty, type Counts } from '../duties/duty.js';

const PROCESS_NAME = Symbol('process name');
const FORGOTTEN_AFTER = '1 hour';

/** Tells every 5 s that this process is alive and how its duties fare; takes the word back when it stops. */
@Injectable()
export class ProcessBeat extends Duty implements BeforeApplicationShutdown {
  readonly name = 'process-beat';
  readonly interval = { busyMs: 5_000, idleMs: 5_000 };
  readonly instance = `${hostname()}:${process.pid}`;

  constructor(
    @Inject(PROCESS_NAME) private readonly process: string,
    @Inject(Database) private readonly database: Database,
    @Inject(Duties) private readonly duties: Duties,
  ) {
    super();
  }

  async runOnce(): Promise<Counts> {
    const stats = { rssBytes: process.memoryUsage.rss(), duties: this.duties.states };
    await this.database.statement(
      `insert into processes (name, instance, stats) values ($1, $2, $3)
       on conflict (name, instance) do update set beat_at = now(), stats = excluded.stats`,
      [this.process, this.instance, JSON.stringify(stats)],
    );
    await this.database.statement(`delete from processes where beat_at < now() - interval '${FORGOTTEN_AFTER}'`);
    return {};
  }

  /** The duties have stopped by now, so nothing writes the row again. */
  async beforeApplicationShutdown(): Promise<void> {
    await this.database.statement('delete from processes where name = $1 and instance = $2', [
      this.process,
      this.instance,
    ]);
  }
}

@Module({ imports: [DatabaseModule, DutiesModule] })
export class ProcessBeatModule {
  /** For the root module of a process; runs its duties too. @param name of the service: `gateway`, `budget`, ... */
  static of(name: string): DynamicModule {
    return { module: ProcessBeatModule, providers: [{ provide: PROCESS_NAME, useValue: name }, ProcessBeat] };
  }
}
