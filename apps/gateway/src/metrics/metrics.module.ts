import { Module } from '@nestjs/common';
import { Metrics } from './metrics.js';

/** What rooms count with. */
@Module({ providers: [Metrics], exports: [Metrics] })
export class MetricsModule {}
