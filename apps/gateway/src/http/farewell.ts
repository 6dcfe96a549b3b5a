import { setTimeout as delay } from 'node:timers/promises';
import { type BeforeApplicationShutdown, Injectable, type OnModuleDestroy } from '@nestjs/common';
import type { FastifyInstance } from 'fastify';

const SERVED_ON_MS = 300;

/**
 * Parts from clients in good order. A connection that is closed while the next request is already on its way loses that
 * request; so for a moment every answer says that it is the connection's last, and only then the server closes.
 */
@Injectable()
export class Farewell implements OnModuleDestroy, BeforeApplicationShutdown {
  private leaving = false;

  /** Whether this process is about to end: nothing long should begin. */
  get begun(): boolean {
    return this.leaving;
  }

  onModuleDestroy(): void {
    this.leaving = true;
  }

  async beforeApplicationShutdown(): Promise<void> {
    await delay(SERVED_ON_MS);
  }

  announceOn(server: FastifyInstance): void {
    server.addHook('onSend', (_, reply, payload, done) => {
      if (this.leaving) void reply.header('connection', 'close');
      done(null, payload);
    });
  }
}
