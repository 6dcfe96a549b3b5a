import { AGENT_STATES } from '../domain/agent-states.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { v7 as newId } from 'uuid';

interface Change {
  from: string;
  to: string;
}

describe('the states of an agent', () => {
  let db: TestDatabase;
  let agent: string;

  beforeAll(async () => {
    db = await openTestDatabase();
  });
  afterAll(() => db.close());
  beforeEach(async () => {
    agent = newId();
    await query('insert into agents (organization_id, id, name, max_concurrent) values ($1, $2, $3, 5)', [
      db.organizationId,
      agent,
      agent,
    ]);
  });

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const note = async (seen = false, workspaceId: string | null = null) => {
    const act = (tx: { query: typeof query }) =>
      tx.query<{ n: number }>(`select note_agents($1, $2::uuid[], $3, 'system') as n`, [
        db.organizationId,
        [agent],
        seen,
      ]);
    const rows =
      workspaceId === null
        ? await db.database.inOrganization(db.organizationId, act)
        : await db.database.inWorkspace({ organizationId: db.organizationId, workspaceId }, act);
    return rows[0]?.n;
  };
  const noteDue = async () =>
    (await query<{ n: number }>('select note_due_agents($1, 500) as n', [db.organizationId]))[0]?.n;
  const presence = async () =>
    (await query<{ state: string; health: string }>('select * from agent_presence where agent_id = $1', [agent]))[0];
  const changes = async () =>
    (
      await query<{ data: Change }>(
        `select data from events where type = 'agent.state_changed' and subject = $1 order by position, seq`,
        [`agent:${agent}`],
      )
    ).map(({ data }) => `${data.from} > ${data.to}`);
  const addTask = async (status: 'assigned' | 'in_progress', workspaceId = db.workspaceId) => {
    const id = newId();
    await query(
      `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, lease_id, lease_fence,
                          lease_agent_id, lease_expires_at, leased_at, ack_by, created_by)
       values ($1, $2, $3, 'task', $4, 'normal', now(), $3, 1, $5, now() + interval '30 seconds', now(),
               case when $4 = 'assigned' then now() end, 'system')`,
      [db.organizationId, workspaceId, id, status, agent],
    );
    return id;
  };
  const endLease = (id: string, status: string, more = '') =>
    query(
      `update tasks set status = $2, lease_id = null, lease_agent_id = null, lease_expires_at = null, leased_at = null, ack_by = null
              ${more} where id = $1`,
      [id, status],
    );

  it('follows an agent from its first sign of life through a task and back, one event for each change', async () => {
    await note(true);
    const task = await addTask('in_progress');
    await note(true);
    await endLease(task, 'inbox');
    await note();
    await note();
    expect(await changes()).toEqual(['offline > idle', 'idle > assigned', 'assigned > working', 'working > idle']);
    expect(await presence()).toMatchObject({ state: 'idle', health: 'active' });
  });

  it('counts leases of every workspace, also when noted from another one, and leaves the wall as it was', async () => {
    const other = newId();
    await query(`insert into workspaces (organization_id, id, slug, name) values ($1, $2, 'elsewhere', 'elsewhere')`, [
      db.organizationId,
      other,
    ]);
    await addTask('in_progress', other);
    const seen = await db.database.inWorkspace({ ...db }, async (tx) => {
      await tx.query(`select note_agents($1, $2::uuid[], true, 'system')`, [db.organizationId, [agent]]);
      return tx.query('select id from tasks where workspace_id = $1', [other]);
    });
    expect(await presence()).toMatchObject({ state: 'working' });
    expect(seen).toEqual([]);
  });

  it('goes offline when it falls silent, and not a moment before', async () => {
    await note(true);
    await query(
      `update agent_presence set last_seen_at = last_seen_at - interval '44 seconds', wake_at = now() where agent_id = $1`,
      [agent],
    );
    await noteDue();
    expect(await presence()).toMatchObject({ state: 'idle' });
    await query(
      `update agent_presence set last_seen_at = last_seen_at - interval '2 seconds', wake_at = now() where agent_id = $1`,
      [agent],
    );
    await noteDue();
    expect(await presence()).toMatchObject({ state: 'offline', health: 'offline', wake_at: null });
    expect(await noteDue()).toBe(0);
  });

  it('does not count a lease that has run out as life', async () => {
    const task = await addTask('in_progress');
    await note();
    expect(await presence()).toMatchObject({ state: 'working' });
    await query(`update tasks set lease_expires_at = now() - interval '1 second' where id = $1`, [task]);
    await note();
    expect(await presence()).toMatchObject({ state: 'offline' });
  });

  it('stands blocked by a task of its own that is blocked, until that one moves on', async () => {
    const task = await addTask('in_progress');
    await note(true);
    await query(
      `insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, ended_at, kind)
       values ($1, $2, $3, 1, 1, $4, now(), 'blocked')`,
      [db.organizationId, db.workspaceId, task, agent],
    );
    await endLease(task, 'blocked', `, blocker_reason = 'no access'`);
    await note();
    expect(await presence()).toMatchObject({ state: 'blocked' });
    await endLease(task, 'inbox');
    await note();
    expect(await presence()).toMatchObject({ state: 'idle' });
  });

  it('is paused and draining whatever it has on lease, and offline when disabled', async () => {
    await addTask('in_progress');
    await query('update agents set paused_at = now() where id = $1', [agent]);
    await note(true);
    expect(await presence()).toMatchObject({ state: 'paused', health: 'active' });
    await query('update agents set paused_at = null, draining_at = now() where id = $1', [agent]);
    await note();
    expect(await presence()).toMatchObject({ state: 'draining' });
    await query('update agents set draining_at = null, enabled = false where id = $1', [agent]);
    await note(true);
    expect(await presence()).toMatchObject({ state: 'offline', health: 'offline' });
  });

  it('is degraded until its breaker closes, and half open from the end of its time, told once', async () => {
    await note(true);
    await query(`select degrade_agent($1, $2, now() + interval '1 minute', 'failing', 'system')`, [
      db.organizationId,
      agent,
    ]);
    expect(await presence()).toMatchObject({ state: 'idle', health: 'degraded' });
    await query(
      `update agent_presence set degraded_until = now() - interval '1 second', wake_at = now() where agent_id = $1`,
      [agent],
    );
    expect(await noteDue()).toBe(1);
    expect(await noteDue()).toBe(0);
    expect(await presence()).toMatchObject({ health: 'degraded', degraded_reason: 'failing' });
    await query(`select degrade_agent($1, $2, null, null, 'system')`, [db.organizationId, agent]);
    expect(await presence()).toMatchObject({ health: 'active', degraded_until: null, degraded_reason: null });
    const told = await query<{ type: string }>(
      `select type from events where type like 'agent.breaker%' and subject = $1 order by position, seq`,
      [`agent:${agent}`],
    );
    expect(told.map(({ type }) => type)).toEqual([
      'agent.breaker_opened',
      'agent.breaker_half_opened',
      'agent.breaker_closed',
    ]);
  });

  it('tells a change once, however many notice it at the same time', async () => {
    await Promise.all(Array.from({ length: 8 }, () => note(true, db.workspaceId)));
    expect(await changes()).toEqual(['offline > idle']);
  });

  it('does not write again for a sign of life right after another', async () => {
    await note(true);
    const before = await query('select xmin from agent_presence where agent_id = $1', [agent]);
    await note(true);
    expect(await query('select xmin from agent_presence where agent_id = $1', [agent])).toEqual(before);
  });

  it('goes from every state to every other by the fewest allowed steps, and never through a pause that nobody asked for', async () => {
    const edges = await query<{ state: string; next: string }>('select * from agent_transitions()');
    const nexts = (state: string) => edges.filter((edge) => edge.state === state).map((edge) => edge.next);
    expect(new Set(edges.flatMap(({ state, next }) => [state, next]))).toEqual(new Set(AGENT_STATES));
    for (const from of AGENT_STATES) {
      for (const to of AGENT_STATES) {
        const [row] = await query<{ path: string[] }>('select agent_state_path($1, $2) as path', [from, to]);
        const path = row?.path ?? [];
        path.reduce((state, next) => {
          expect(nexts(state)).toContain(next);
          return next;
        }, from);
        expect(path.at(-1) ?? from).toBe(to);
        expect(path).toHaveLength(distance(from, to, nexts));
      }
    }
    const forbidden = AGENT_STATES.flatMap((from) =>
      AGENT_STATES.filter((to) => to !== from && !nexts(from).includes(to)).map((to) => `${from} > ${to}`),
    );
    expect(forbidden).toEqual([
      'offline > assigned',
      'offline > working',
      'offline > blocked',
      'idle > working',
      'blocked > working',
    ]);
  });
});

function distance(from: string, to: string, nexts: (state: string) => string[]): number {
  const isAskedFor = (state: string) => state === to || (state !== 'paused' && state !== 'draining');
  let [steps, reached] = [0, new Set([from])];
  for (; !reached.has(to); steps += 1)
    reached = new Set([...reached, ...[...reached].flatMap(nexts).filter(isAskedFor)]);
  return steps;
}
