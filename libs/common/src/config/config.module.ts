import { Module } from '@nestjs/common';
import { readConfig } from './config.js';

/** Token of the process's `HoustonConfig`. */
export const CONFIG = Symbol('houston config');

/** The settings, read once per process; anything wrong with them stops the boot with every fault named. */
@Module({
  providers: [{ provide: CONFIG, useFactory: () => readConfig() }],
  exports: [CONFIG],
})
export class ConfigModule {}
