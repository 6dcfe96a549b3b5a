import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { Anomalies } from './anomalies/anomalies.js';
import { AnomalyStore } from './anomalies/anomaly.store.js';
import { Thaws } from './freezes/thaws.js';
import { ForgetAnswers } from './kept-answers/forget-answers.js';
import { ProjectionStore } from './projections/projection.store.js';
import { Projections } from './projections/projections.js';
import { RaiseEnds } from './raises/raise-ends.js';
import { Rollups } from './rollups/rollups.js';
import { StaleHolds } from './stale-holds/stale-holds.js';
import { SealEvents } from './verification/seal-events.js';
import { VerifyLedger } from './verification/verify-ledger.js';

/** What time does to money and to the answers about it: each of these duties runs by itself. */
@Module({
  imports: [DatabaseModule],
  providers: [
    Anomalies,
    AnomalyStore,
    ForgetAnswers,
    RaiseEnds,
    StaleHolds,
    Thaws,
    Rollups,
    Projections,
    ProjectionStore,
    SealEvents,
    VerifyLedger,
  ],
})
export class BudgetModule {}
