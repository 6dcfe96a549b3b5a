import { v7 as newId } from 'uuid';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { LapsedSessions } from './lapsed-sessions.js';

describe('lapsed sessions', () => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await openTestDatabase();
  });
  afterEach(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const session = (agentId: string, instance: string, secondsAgo: number) =>
    query(
      `insert into agent_sessions (organization_id, workspace_id, agent_id, instance_id, session_id, key_id, gateway, last_seen_at)
       values ($1, $2, $3, $4, $5, $5, 'gone', now() - make_interval(secs => $6))`,
      [db.organizationId, db.workspaceId, agentId, instance, newId(), secondsAgo],
    );
  const ticket = (agentId: string, seconds: number) =>
    query(
      `insert into agent_connect_tickets (organization_id, workspace_id, id, ticket_hash, agent_id, key_id, expires_at)
       values ($1, $2, $3, $4, $5, $3, now() + make_interval(secs => $6))`,
      [db.organizationId, db.workspaceId, newId(), newId(), agentId, seconds],
    );

  it('are forgotten, with tickets nobody used; what is heard of and what is good still stays', async () => {
    const { id } = await insertAgent(db);
    await session(id, 'alive', 100);
    await session(id, 'dead', 121);
    await ticket(id, 30);
    await ticket(id, -1);
    expect(await new LapsedSessions(db.database).runOnce()).toEqual({ forgotten: 2 });
    expect(await new LapsedSessions(db.database).runOnce()).toEqual({ forgotten: 0 });
    expect(await query('select instance_id from agent_sessions')).toEqual([{ instance_id: 'alive' }]);
    expect(await query('select from agent_connect_tickets')).toHaveLength(1);
  });
});
