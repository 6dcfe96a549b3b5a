import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { QueuesModule } from '@houston/common/queues/queues.module.js';
import { LiveModule } from '../live/live.module.js';
import { GaugeStore } from './gauge.store.js';
import { HouseGauges } from './house-gauges.js';
import { MetricsController } from './metrics.controller.js';
import { MetricsModule } from './metrics.module.js';

@Module({
  imports: [DatabaseModule, LiveModule, MetricsModule, QueuesModule],
  controllers: [MetricsController],
  providers: [GaugeStore, HouseGauges],
})
export class ScrapeModule {}
