import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentWatch } from './agent-watch.js';
import { LapsedSessions } from './lapsed-sessions.js';

@Module({ imports: [DatabaseModule], providers: [AgentWatch, LapsedSessions] })
export class AgentsModule {}
