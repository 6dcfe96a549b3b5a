import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ApproverStore } from './approver.store.js';

/** Apart, because a denial names who may grant, and knows nothing else of approvals. */
@Module({ imports: [DatabaseModule], providers: [ApproverStore], exports: [ApproverStore] })
export class ApproversModule {}
