import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { ActivityController } from './activity.controller.js';
import { ActivityStore } from './activity.store.js';

@Module({ imports: [DatabaseModule], controllers: [ActivityController], providers: [ActivityStore] })
export class ActivitiesModule {}
