import { createGateway } from './gateway.js';
import { stopWhenAsked } from './stop.js';

const { app, config } = await createGateway();
stopWhenAsked(app);
await app.listen(config.port, config.host);
process.send?.({ type: 'ready', port: config.port });
