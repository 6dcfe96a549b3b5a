import { connect, createServer, type Server, type Socket } from 'node:net';
import type { AddressInfo } from 'node:net';

/** A wire to a server that can be cut: whoever goes through it loses every connection at that moment, in both directions. */
export class CuttableLine {
  private readonly ends = new Set<Socket>();

  private constructor(
    /** Of this end: http://127.0.0.1:port. */
    readonly url: string,
    target: URL,
    server: Server,
  ) {
    server.on('connection', (near) => this.join(near, connect(Number(target.port), target.hostname)));
  }

  static async to(target: string): Promise<CuttableLine> {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new CuttableLine(`http://127.0.0.1:${(server.address() as AddressInfo).port}`, new URL(target), server);
  }

  cut(): void {
    for (const end of this.ends) end.destroy();
  }

  private join(near: Socket, far: Socket): void {
    for (const [end, other] of [
      [near, far],
      [far, near],
    ] as const) {
      this.ends.add(end);
      end.setNoDelay(true);
      end.pipe(other);
      // One end that breaks takes the other with it; what that means is for whoever spoke to find out.
      end.on('error', () => other.destroy());
      end.once('close', () => {
        this.ends.delete(end);
        other.destroy();
      });
    }
  }
}
