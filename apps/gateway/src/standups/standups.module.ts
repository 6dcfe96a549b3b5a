import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { StandupController } from './standup.controller.js';
import { StandupService } from './standup.service.js';

@Module({ imports: [DatabaseModule], controllers: [StandupController], providers: [StandupService] })
export class StandupsModule {}
