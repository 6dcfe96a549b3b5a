import { insertAgent, type NewAgent, type TaskJson } from '../factories/fleet.js';
import { ConnectedAgent, type ConnectOptions } from './connected-agent.js';
import { bodyOf, type GatewayOptions, startGateway, type TestGateway } from './gateway.js';

/** A gateway and agents behind real sockets. */
export class SocketHouse {
  private readonly connected: ConnectedAgent[] = [];

  private constructor(readonly gateway: TestGateway) {}

  static async open(options: GatewayOptions = {}): Promise<SocketHouse> {
    return new SocketHouse(await startGateway(options));
  }

  query<Row>(sql: string, parameters: unknown[] = []): Promise<Row[]> {
    const { database, organizationId } = this.gateway.db;
    return database.inOrganization(organizationId, (tx) => tx.query<Row>(sql, parameters));
  }

  async read(taskId: string): Promise<TaskJson> {
    return bodyOf<TaskJson>(await this.gateway.owner.get(`/api/tasks/${taskId}`), 200);
  }

  /** How many tasks stand so. */
  async count(status: string): Promise<number> {
    const [row] = await this.query<{ count: number }>('select count(*)::int as count from tasks where status = $1', [
      status,
    ]);
    return row!.count;
  }

  /** With the owner's key, unless told otherwise. */
  async connect(agentId: string, options: Partial<ConnectOptions> = {}): Promise<ConnectedAgent> {
    const { url, db } = this.gateway;
    const agent = await ConnectedAgent.connect(agentId, { url, key: db.ownerKey, ...options });
    this.connected.push(agent);
    return agent;
  }

  async agentWith(
    wanted: NewAgent = {},
    options: Partial<ConnectOptions> = {},
  ): Promise<{ id: string; name: string; socket: ConnectedAgent }> {
    const { id, name } = await insertAgent(this.gateway.db, wanted);
    return { id, name, socket: await this.connect(id, options) };
  }

  async close(): Promise<void> {
    this.connected.splice(0).forEach((agent) => agent.terminate());
    await this.gateway.close();
  }
}
