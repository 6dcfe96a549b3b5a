import { Injectable, Module, type OnApplicationBootstrap, type OnModuleDestroy } from '@nestjs/common';
import { DiscoveryModule, DiscoveryService } from '@nestjs/core';
import { Duty } from './duty.js';
import { DutyRunner, type DutyState } from './duty-runner.js';

/** Runs every duty that the modules of this process provide, from the end of its start to the beginning of its stop. */
@Injectable()
export class Duties implements OnApplicationBootstrap, OnModuleDestroy {
  private runners: DutyRunner[] = [];

  constructor(private readonly discovery: DiscoveryService) {}

  /** How each duty fares, by name. */
  get states(): Record<string, Readonly<DutyState>> {
    return Object.fromEntries(this.runners.map(({ duty, state }) => [duty.name, state]));
  }

  onApplicationBootstrap(): void {
    const instances = this.discovery.getProviders().map((wrapper) => wrapper.instance as unknown);
    const duties = new Set(instances.filter((instance) => instance instanceof Duty));
    this.runners = [...duties].map((duty) => new DutyRunner(duty));
    for (const runner of this.runners) runner.start();
  }

  async onModuleDestroy(): Promise<void> {
    await Promise.all(this.runners.map((runner) => runner.stop()));
  }
}

/** For the root module of a process; a room's module only provides its duty. */
@Module({ imports: [DiscoveryModule], providers: [Duties], exports: [Duties] })
export class DutiesModule {}
