import { Inject, Injectable } from '@nestjs/common';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { DatabaseSignal } from '../live/database-signal.js';

/** Tells of an approval that was resolved, on whatever gateway. */
@Injectable()
export class ApprovalSignal extends DatabaseSignal {
  constructor(@Inject(CONFIG) config: HoustonConfig) {
    super(config, 'houston_approval_resolved');
  }
}
