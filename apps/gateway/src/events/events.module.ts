import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { EventController } from './event.controller.js';
import { EventStore } from './event.store.js';

@Module({ imports: [DatabaseModule], controllers: [EventController], providers: [EventStore] })
export class EventsModule {}
