import { Module, type DynamicModule, type INestApplicationContext, type OnModuleInit, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { InjectDataSource } from '@nestjs/typeorm';
import type { DataSource } from 'typeorm';
import { ConfigFaults } from '../config/config-faults.js';
import { readConfig } from '../config/config.js';
import { refuseUnsafeDatabase } from '../db/boot-check.js';
import { JsonLogger } from './logger.js';
import { ProcessBeatModule } from './process-beat.js';
import { dieOfSurprises, stopWhenAsked } from './stop.js';

export interface ServiceOptions {
  /** Name of the service, as its logs and its row in `processes` call it. */
  name: string;
  /** Its table of contents. */
  module: Type | DynamicModule;
  /** Called when everything runs, before the launcher hears so. */
  onReady?: (app: INestApplicationContext) => Promise<void> | void;
}

@Module({})
class ServiceModule implements OnModuleInit {
  constructor(@InjectDataSource() private readonly dataSource: DataSource) {}

  /** Before any duty or processor starts: those wait for the end of all initialisation. */
  onModuleInit(): Promise<void> {
    return refuseUnsafeDatabase(this.dataSource);
  }
}

/**
 * The life of a service without HTTP: refuses a faulty configuration and an unsafe database, runs the duties and
 * processors of its modules, tells the launcher that it is ready, and ends when it is asked to. Exit code 0 after an
 * orderly stop, else 1.
 */
export async function runService({ name, module, onReady }: ServiceOptions): Promise<void> {
  try {
    const logger = new JsonLogger(name, readConfig().logLevel);
    dieOfSurprises();
    const root: DynamicModule = { module: ServiceModule, imports: [module, ProcessBeatModule.of(name)] };
    const app = await NestFactory.createApplicationContext(root, { logger, abortOnError: false });
    stopWhenAsked(app);
    await onReady?.(app);
    process.send?.({ type: 'ready' });
    logger.log('ready', name);
  } catch (error) {
    console.error(error instanceof ConfigFaults ? error.message : error);
    process.exit(1);
  }
}
