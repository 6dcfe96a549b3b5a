import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { FoldInboxCounts } from './fold-inbox-counts.js';

@Module({ imports: [DatabaseModule], providers: [FoldInboxCounts] })
export class InboxCountsModule {}
