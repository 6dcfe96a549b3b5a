import { v7 as newId } from 'uuid';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { AgentWatch } from './agent-watch.js';

describe('the watch over agents', () => {
  let db: TestDatabase;
  let watch: AgentWatch;

  beforeEach(async () => {
    db = await openTestDatabase();
    watch = new AgentWatch(db.database);
  });
  afterEach(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const seen = async (count: number) => {
    const ids = Array.from({ length: count }, () => newId());
    await query(
      `insert into agents (organization_id, id, name) select $1, id, id::text from unnest($2::uuid[]) as n(id)`,
      [db.organizationId, ids],
    );
    await query(`select note_agents($1, $2, true, 'system')`, [db.organizationId, ids]);
    return ids;
  };
  const letTimePass = (seconds: number) =>
    query(
      `update agent_presence set last_seen_at = last_seen_at - $1 * interval '1 second', wake_at = wake_at - $1 * interval '1 second'`,
      [seconds],
    );
  const states = () => query('select state, count(*)::int as count from agent_presence group by state order by state');

  it('leaves agents alone that were heard lately', async () => {
    await seen(3);
    await letTimePass(40);
    expect(await watch.runOnce()).toEqual({ watched: 0 });
  });

  it('finds the silent ones offline, tells so once, and does not look at them again', async () => {
    await seen(3);
    await letTimePass(46);
    expect(await watch.runOnce()).toEqual({ watched: 3 });
    expect(await watch.runOnce()).toEqual({ watched: 0 });
    expect(await states()).toEqual([{ state: 'offline', count: 3 }]);
    const told = await query(
      `select data->>'from' as "from", data->>'to' as "to", actor, count(*)::int as count from events
        where type = 'agent.state_changed' and data->>'to' = 'offline' group by 1, 2, 3`,
    );
    expect(told).toEqual([{ from: 'idle', to: 'offline', actor: 'system', count: 3 }]);
  });

  it('tells each silence once when several watch and the agents speak at the same time', async () => {
    const ids = await seen(60);
    await letTimePass(46);
    await Promise.all([
      ...Array.from({ length: 4 }, () => new AgentWatch(db.database).runOnce()),
      query(`select note_agents($1, $2, true, 'system')`, [db.organizationId, ids.slice(0, 30)]),
    ]);
    await watch.runOnce();
    expect(await states()).toEqual([
      { state: 'idle', count: 30 },
      { state: 'offline', count: 30 },
    ]);
    const wrong = await query(
      `select subject from (select subject, data->>'from' as came, lag(data->>'to') over (partition by subject order by seq) as was
                              from events where type = 'agent.state_changed') e where was <> came`,
    );
    expect(wrong).toEqual([]);
  });

  it('takes no more than a batch at a time, the longest due first', async () => {
    await seen(501);
    await letTimePass(46);
    expect([await watch.runOnce(), await watch.runOnce()]).toEqual([{ watched: 500 }, { watched: 1 }]);
  });
});
