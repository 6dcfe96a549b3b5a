import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import type { HoustonConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { refuseUnsafeDatabase } from '@houston/common/db/boot-check.js';
import { GatewayModule } from './gateway.module.js';
import { fastifyAdapter } from './http/fastify.js';

/** The gateway, ready to listen. */
export async function createGateway(): Promise<{ app: NestFastifyApplication; config: HoustonConfig }> {
  const app = await NestFactory.create<NestFastifyApplication>(GatewayModule, fastifyAdapter(), {
    bodyParser: false,
    logger: ['warn', 'error'],
  });
  await prepareGateway(app);
  return { app, config: app.get<HoustonConfig>(CONFIG, { strict: false }) };
}

/** What a gateway has beside its modules; for whoever puts the modules together in another way. */
export async function prepareGateway(app: NestFastifyApplication): Promise<void> {
  await refuseUnsafeDatabase(app.get(getDataSourceToken()));
}
