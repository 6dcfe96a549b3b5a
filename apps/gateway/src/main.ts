import { ConfigFaults } from '@houston/common/config/config-faults.js';
import { readConfig } from '@houston/common/config/config.js';
import { JsonLogger } from '@houston/common/telemetry/logger.js';
import { dieOfSurprises, stopWhenAsked } from '@houston/common/telemetry/stop.js';
import { createGateway } from './gateway.js';

try {
  const logger = new JsonLogger('gateway', readConfig().logLevel);
  dieOfSurprises();
  const { app, config } = await createGateway(logger);
  stopWhenAsked(app);
  await app.listen(config.port, config.host);
  process.send?.({ type: 'ready', port: config.port });
  logger.log(`listening on ${await app.getUrl()}`, 'gateway');
} catch (error) {
  console.error(error instanceof ConfigFaults ? error.message : error);
  process.exit(1);
}
