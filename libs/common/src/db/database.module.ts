import { Module } from '@nestjs/common';
import { TypeOrmModule } from '@nestjs/typeorm';
import type { HoustonConfig } from '../config/config.js';
import { CONFIG, ConfigModule } from '../config/config.module.js';
import { Database } from './database.js';
import { applicationDataSourceOptions } from './data-source.js';

/** The door to Postgres: one pool per process, under the application role. */
@Module({
  imports: [
    TypeOrmModule.forRootAsync({
      imports: [ConfigModule],
      inject: [CONFIG],
      useFactory: ({ databaseUrl, databasePoolSize }: HoustonConfig) => ({
        ...applicationDataSourceOptions(databaseUrl, databasePoolSize),
        // A service that is up before its database says so and ends: its supervisor starts it again.
        retryAttempts: 0,
      }),
    }),
  ],
  providers: [Database],
  exports: [Database],
})
export class DatabaseModule {}
