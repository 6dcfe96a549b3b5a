import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { StandupClockStore } from './standup-clock.store.js';
import { StandupTicker } from './standup-ticker.js';

@Module({ imports: [DatabaseModule], providers: [StandupClockStore, StandupTicker] })
export class StandupsModule {}
