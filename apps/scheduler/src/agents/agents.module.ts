import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentWatch } from './agent-watch.js';

@Module({ imports: [DatabaseModule], providers: [AgentWatch] })
export class AgentsModule {}
