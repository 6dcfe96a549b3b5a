import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { HealthController } from './health.controller.js';
import { ProcessStore } from './process.store.js';
import { Readiness } from './readiness.js';

@Module({
  imports: [DatabaseModule, QueuesModule],
  controllers: [HealthController],
  providers: [ProcessStore, Readiness],
})
export class HealthModule {}
