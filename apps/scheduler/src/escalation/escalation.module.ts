import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { EscalationRoute } from './escalation-route.js';
import { EscalationRouteStore } from './escalation-route.store.js';
import { EscalationWatch } from './escalation-watch.js';

/** What is done about work that waits too long. */
@Module({
  imports: [DatabaseModule],
  providers: [EscalationRouteStore, EscalationRoute, EscalationWatch],
  exports: [EscalationRoute, EscalationWatch],
})
export class EscalationModule {}
