import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ApprovalTimes } from './approval-times.js';
import { DueApprovalStore } from './due-approval.store.js';

@Module({ imports: [DatabaseModule], providers: [ApprovalTimes, DueApprovalStore] })
export class ApprovalsModule {}
