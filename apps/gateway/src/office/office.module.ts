import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { GraphController } from './graph.controller.js';
import { GraphStore } from './graph.store.js';

@Module({ imports: [DatabaseModule], controllers: [GraphController], providers: [GraphStore] })
export class OfficeModule {}
