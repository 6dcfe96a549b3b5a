import { createServer } from 'node:net';

/** Whether this process could listen there now. A refusal other than "in use" (say, a forbidden port) is thrown. */
export async function isPortFree(port: number, host = '127.0.0.1'): Promise<boolean> {
  return (await listenOnce(port, host)) !== undefined;
}

/** A port nobody listens on, chosen by the system. */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  const port = await listenOnce(0, host);
  if (port === undefined) throw new Error(`No free TCP port on ${host}.`);
  return port;
}

/** The first free port from `first` on, within a hundred. */
export async function nextFreePort(first: number, host: string): Promise<number | undefined> {
  for (let port = first; port < Math.min(first + 100, 65_536); port += 1) if (await isPortFree(port, host)) return port;
  return undefined;
}

function listenOnce(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EADDRINUSE') resolve(undefined);
      else reject(error);
    });
    server.listen({ port, host, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address !== null ? address.port : port));
    });
  });
}
