import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { DeadlineStore } from './deadline.store.js';
import { Deadlines } from './deadlines.js';
import { WaitingWatch } from './waiting-watch.js';

@Module({ imports: [DatabaseModule], providers: [DeadlineStore, Deadlines, WaitingWatch], exports: [Deadlines] })
export class DeadlinesModule {}
