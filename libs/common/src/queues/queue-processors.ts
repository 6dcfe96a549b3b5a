import { BullRegistrar, WorkerHost } from '@nestjs/bullmq';
import { Inject, Injectable, Logger, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DiscoveryService } from '@nestjs/core';
import { QUEUES, type QueueName } from './queues.js';

/** Token of the queues that this app works on. */
export const HANDLED_QUEUES = Symbol('handled queues');

/** Metadata of `@Processor`, as the library names it. */
const PROCESSOR_METADATA = 'bullmq:processor_metadata';

/** Starts the workers of this app once every queue it has to work on has exactly one, and stops them first of all. */
@Injectable()
export class QueueProcessors implements OnApplicationBootstrap, OnModuleDestroy {
  private readonly log = new Logger('Queues');
  private started: WorkerHost[] = [];

  constructor(
    @Inject(HANDLED_QUEUES) private readonly handled: readonly QueueName[],
    private readonly discovery: DiscoveryService,
    private readonly registrar: BullRegistrar,
  ) {}

  /** @throws naming every queue without a processor, with two, or with one that nobody asked for */
  onApplicationBootstrap(): void {
    const hosts = this.hosts();
    const faults = processorFaults(
      this.handled,
      hosts.map((host) => queueOf(host)),
    );
    if (faults.length > 0) throw new Error(`Houston refuses to start:\n- ${faults.join('\n- ')}`);
    this.registrar.register();
    this.started = hosts;
    for (const host of hosts) {
      host.worker.concurrency = QUEUES[host.worker.name as QueueName].concurrency;
      host.worker.on('error', (error) => this.log.warn(`worker of ${host.worker.name}: ${error.message}`));
    }
  }

  /** Before anything they use goes away. */
  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.started.map((host) => host.worker.close()));
  }

  private hosts(): WorkerHost[] {
    const instances = this.discovery.getProviders().map((wrapper) => wrapper.instance as unknown);
    return [...new Set(instances.filter((instance) => instance instanceof WorkerHost))];
  }
}

/** What is wrong between the queues an app has to work on and the processors it has, as sentences. */
export function processorFaults(handled: readonly string[], processors: readonly string[]): string[] {
  const names = new Set([...handled, ...processors]);
  return [...names].flatMap((name) => {
    const count = processors.filter((processor) => processor === name).length;
    if (!handled.includes(name)) return [`queue ${name} has a processor here, but this app does not work on it`];
    if (count === 1) return [];
    return [count === 0 ? `queue ${name} has no processor` : `queue ${name} has ${count} processors`];
  });
}

function queueOf(host: WorkerHost): string {
  const metadata = Reflect.getMetadata(PROCESSOR_METADATA, host.constructor) as { name?: string } | undefined;
  return metadata?.name ?? host.constructor.name;
}
