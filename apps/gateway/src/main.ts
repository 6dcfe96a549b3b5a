import { createGateway } from './gateway.js';

const { app, config } = await createGateway();
await app.listen(config.port, config.host);
process.send?.({ type: 'ready', port: config.port });
