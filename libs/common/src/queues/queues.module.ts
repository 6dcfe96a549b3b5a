import { BullModule } from '@nestjs/bullmq';
import { Module, type DynamicModule } from '@nestjs/common';
import { DiscoveryModule } from '@nestjs/core';
import { CONFIG, ConfigModule } from '../config/config.module.js';
import { QueueBackend } from './queue-backend.js';
import { HANDLED_QUEUES, QueueProcessors } from './queue-processors.js';
import { QueueProducer } from './queue-producer.js';
import { QUEUE_NAMES, type QueueName } from './queues.js';

@Module({
  imports: [ConfigModule],
  providers: [{ provide: QueueBackend, useFactory: QueueBackend.choose, inject: [CONFIG] }],
  exports: [QueueBackend],
})
export class QueueBackendModule {}

/** Every queue of the catalogue, for adding to and looking at; `QueueProducer` adds. */
@Module({
  imports: [
    QueueBackendModule,
    BullModule.forRootAsync({
      imports: [QueueBackendModule],
      inject: [QueueBackend],
      useFactory: ({ connection, prefix }: QueueBackend) => ({ connection, prefix }),
      // Workers start once the boot check has counted them.
      extraOptions: { manualRegistration: true },
    }),
    BullModule.registerQueue(...QUEUE_NAMES.map((name) => ({ name }))),
  ],
  providers: [QueueProducer],
  exports: [QueueProducer, QueueBackendModule, BullModule],
})
export class QueuesModule {
  /**
   * For the root module of an app that works on these queues: starts the workers of its `@Processor` classes, and
   * refuses to start unless each of the queues has exactly one.
   */
  static handling(...queues: QueueName[]): DynamicModule {
    return {
      module: QueueProcessorsModule,
      providers: [{ provide: HANDLED_QUEUES, useValue: queues }, QueueProcessors],
    };
  }
}

@Module({ imports: [QueuesModule, DiscoveryModule], exports: [QueuesModule] })
class QueueProcessorsModule {}
