import { Module } from '@nestjs/common';
import { ConfigModule } from '@houston/common/config/config.module.js';
import { Signals } from './signals.js';

@Module({ imports: [ConfigModule], providers: [Signals], exports: [Signals] })
export class SignalsModule {}
