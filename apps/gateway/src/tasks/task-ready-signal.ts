import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { DatabaseSignal } from '../live/database-signal.js';

/** Tells of a workspace in which a task has become free to be taken. */
@Injectable()
export class TaskReadySignal extends DatabaseSignal {
  constructor(@Inject(CONFIG) config: HoustonConfig) {
    super(config, 'houston_task_ready');
  }
}
