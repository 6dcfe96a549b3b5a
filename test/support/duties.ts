import type { Database } from '@houston/common/db/database.js';
import { DeadlineStore } from '../../apps/scheduler/src/deadlines/deadline.store.js';
import { Deadlines } from '../../apps/scheduler/src/deadlines/deadlines.js';
import { LeaseStore } from '../../apps/scheduler/src/leases/lease.store.js';
import { LostLeases } from '../../apps/scheduler/src/leases/lost-leases.js';

/** The scheduler's duties over leases and due times, for suites of other processes: each runs when `runOnce()` is called. */
export function taskDuties(database: Database): { leases: LostLeases; deadlines: Deadlines } {
  return {
    leases: new LostLeases(database, new LeaseStore()),
    deadlines: new Deadlines(database, new DeadlineStore()),
  };
}
