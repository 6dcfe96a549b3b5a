import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { LedgerController } from './ledger.controller.js';

@Module({ imports: [DatabaseModule], controllers: [LedgerController] })
export class AuditModule {}
