import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { DueRetries } from './due-retries.js';
import { RetryStore } from './retry.store.js';

@Module({ imports: [DatabaseModule], providers: [RetryStore, DueRetries] })
export class RetriesModule {}
