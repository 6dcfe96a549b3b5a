import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { EventTail } from '@houston/common/events/event-tail.js';
import { HttpModule } from '../http/http.module.js';
import { Listeners } from './listeners.js';
import { StreamController } from './stream.controller.js';

@Module({
  imports: [DatabaseModule, HttpModule],
  controllers: [StreamController],
  providers: [EventTail, Listeners],
  exports: [EventTail],
})
export class LiveModule {}
