import type { LoggerService } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { getDataSourceToken } from '@nestjs/typeorm';
import { type HoustonConfig, readConfig } from '@houston/common/config/config.js';
import { CONFIG } from '@houston/common/config/config.module.js';
import { refuseUnsafeDatabase } from '@houston/common/db/boot-check.js';
import { GatewayModule } from './gateway.module.js';
import { Farewell } from './http/farewell.js';
import { fastifyAdapter } from './http/fastify.js';
import { keepAnswers } from './http/kept-answers.js';
import { mountOpenApi } from './http/openapi.js';
import { logRequests } from './http/request-log.js';
import { Metrics } from './metrics/metrics.js';
import { measureRequests } from './metrics/request-metrics.js';
import { mountQueueBoard } from './queue-board/queue-board.js';

/** The gateway, ready to listen. @param logger default: warnings and errors, for people */
export async function createGateway(
  logger?: LoggerService,
): Promise<{ app: NestFastifyApplication; config: HoustonConfig }> {
  const app = await NestFactory.create<NestFastifyApplication>(
    GatewayModule,
    fastifyAdapter(readConfig().trustedProxies),
    {
      bodyParser: false,
      abortOnError: false,
      logger: logger ?? ['warn', 'error'],
    },
  );
  const config = app.get<HoustonConfig>(CONFIG, { strict: false });
  await refuseUnsafeDatabase(app.get(getDataSourceToken()));
  const server = app.getHttpAdapter().getInstance();
  app.get(Farewell, { strict: false }).announceOn(server);
  keepAnswers(server);
  measureRequests(server, app.get(Metrics, { strict: false }));
  if (config.logLevel === 'debug' || config.logLevel === 'trace') logRequests(server);
  mountOpenApi(app);
  await mountQueueBoard(app);
  return { app, config };
}
