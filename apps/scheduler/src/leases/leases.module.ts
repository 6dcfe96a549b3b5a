import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { LeaseStore } from './lease.store.js';
import { LostLeases } from './lost-leases.js';

@Module({ imports: [DatabaseModule], providers: [LeaseStore, LostLeases] })
export class LeasesModule {}
