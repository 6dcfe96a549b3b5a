import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AuditController } from './audit.controller.js';
import { LedgerController } from './ledger.controller.js';

@Module({ imports: [DatabaseModule], controllers: [AuditController, LedgerController] })
export class AuditModule {}
