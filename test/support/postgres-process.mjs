// A Postgres of one suite's own, which it may stop and start again: the launcher's, from dist/. Jest cannot load the
// package that brings the server's programs, so it runs beside Jest. It ends with whoever started it.
import { startEmbeddedPostgres } from '../../dist/launcher/embedded-postgres.js';

const server = await startEmbeddedPostgres(JSON.parse(process.argv[2]));
const stop = () => server.stop(5_000);
process.on('message', stop);
process.on('disconnect', stop);
process.on('SIGTERM', stop);
process.send({ url: server.url, port: server.port, pid: server.pid });
await server.exited;
process.exit(0);
