import { Module } from '@nestjs/common';
import { DatabaseModule } from '@houston/common/db/database.module.js';
import { AgentDirectory } from './agent-directory.js';

@Module({ imports: [DatabaseModule], providers: [AgentDirectory], exports: [AgentDirectory] })
export class AgentDirectoryModule {}
