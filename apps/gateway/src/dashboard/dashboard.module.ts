import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { DashboardController } from './dashboard.controller.js';
import { DashboardStore } from './dashboard.store.js';

@Module({ imports: [DatabaseModule], controllers: [DashboardController], providers: [DashboardStore] })
export class DashboardModule {}
