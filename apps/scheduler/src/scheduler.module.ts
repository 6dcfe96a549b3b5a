import { Module } from '@nestjs/common';
import { RelayModule } from './relay.module.js';

@Module({
  imports: [RelayModule],
})
export class SchedulerModule {}
