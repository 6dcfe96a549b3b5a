import { v7 as newId } from 'uuid';
import { AGENT_HEALTHS, AGENT_STATES } from '../domain/agent-states.js';
import { isTerminal, NEEDS, TASK_STATUSES, type TaskStatus, TRANSITIONS } from '../domain/task-states.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { insertAgent } from '../../../../test/factories/fleet.js';

/** Everything that a status may need, and the lease where there must be one. */
const LEASED = new Set<TaskStatus>(['assigned', 'in_progress']);

describe('the table of tasks', () => {
  let db: TestDatabase;
  let agent: { id: string };

  beforeAll(async () => {
    db = await openTestDatabase();
    agent = await insertAgent(db);
  });
  afterAll(() => db.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  /** Columns by which a row may stand in a status. */
  const columnsFor = (status: TaskStatus): Record<string, string | null> => {
    const lease = LEASED.has(status);
    return {
      status: `'${status}'`,
      blocker_reason: `'no access'`,
      evidence_ref: `'https://example.com/1'`,
      lease_id: lease ? 'gen_random_uuid()' : 'null',
      lease_agent_id: lease ? `'${agent.id}'` : 'null',
      lease_expires_at: lease ? `now() + interval '1 minute'` : 'null',
      leased_at: lease ? 'now()' : 'null',
      ack_by: status === 'assigned' ? 'now()' : 'null',
      ended_at: isTerminal(status) ? 'now()' : 'null',
    };
  };
  const insert = async (status: TaskStatus, changed: Record<string, string> = {}): Promise<string> => {
    const id = newId();
    const columns = { ...columnsFor(status), ...changed };
    await query(
      `insert into tasks (organization_id, workspace_id, id, title, priority, dispatch_at, created_by, ${Object.keys(columns).join(', ')})
       values ($1, $2, $3, 'task', 'normal', now(), 'system', ${Object.values(columns).join(', ')})`,
      [db.organizationId, db.workspaceId, id],
    );
    return id;
  };
  const move = async (id: string, to: TaskStatus) => {
    const sets = Object.entries(columnsFor(to)).map(([column, value]) => `${column} = ${value}`);
    await query(`update tasks set ${sets.join(', ')} where id = $1`, [id]);
  };

  it.each(TASK_STATUSES)('lets a task go from %s where the picture lets it go, and nowhere else', async (from) => {
    const reached: TaskStatus[] = [];
    for (const to of TASK_STATUSES.filter((status) => status !== from)) {
      const id = await insert(from);
      try {
        await move(id, to);
        reached.push(to);
      } catch (error) {
        expect(String(error)).toContain(`may not move from ${from} to ${to}`);
      }
    }
    const allowed = TRANSITIONS.filter((edge) => edge.from === from).map((edge) => edge.to);
    expect(reached.sort()).toEqual(allowed.sort());
  });

  it('knows the same statuses, states and healths as the code', async () => {
    const listed = async (table: string, column: string) => {
      const [row] = await query<{ definition: string }>(
        `select pg_get_constraintdef(oid) as definition from pg_constraint where conname = $1`,
        [`${table}_${column}_check`],
      );
      return [...(row?.definition.matchAll(/'(\w+)'/g) ?? [])].map((match) => match[1]);
    };
    expect(await listed('tasks', 'status')).toEqual([...TASK_STATUSES]);
    expect(await listed('agent_presence', 'state')).toEqual([...AGENT_STATES]);
    expect(await listed('agent_presence', 'health')).toEqual([...AGENT_HEALTHS]);
  });

  it('asks for what a status needs', async () => {
    const constraints = { blocker_reason: 'tasks_blocker', completion: 'tasks_review', evidence: 'tasks_evidence' };
    for (const status of TASK_STATUSES) {
      const need = NEEDS[status];
      const bare = insert(status, { blocker_reason: 'null', evidence_ref: 'null' });
      if (need === undefined) await bare;
      else await expect(bare).rejects.toThrow(constraints[need]);
    }
  });

  it.each<[string, TaskStatus, Record<string, string>]>([
    ['tasks_lease_while_held', 'inbox', { lease_id: 'gen_random_uuid()' }],
    ['tasks_lease', 'in_progress', { lease_id: 'null' }],
    ['tasks_lease_is_whole', 'in_progress', { lease_agent_id: 'null' }],
    ['tasks_lease_is_whole', 'in_progress', { lease_expires_at: 'null' }],
    ['tasks_ack', 'in_progress', { ack_by: 'now()' }],
    ['tasks_ack', 'assigned', { ack_by: 'null' }],
    ['tasks_lease_times', 'blocked', { stalled_at: 'now()' }],
    ['tasks_lease_times', 'inbox', { execution_id: 'gen_random_uuid()' }],
    ['tasks_retry_in_inbox', 'blocked', { next_retry_at: 'now()', retry_reason: `'backoff'` }],
    ['tasks_retry_reason', 'inbox', { next_retry_at: 'now()' }],
    ['tasks_end', 'done', { ended_at: 'null' }],
    ['tasks_end', 'inbox', { ended_at: 'now()' }],
  ])('refuses by %s a task that stands in %s with %j', async (constraint, status, wrong) => {
    const whole: Record<string, string> =
      constraint === 'tasks_lease_while_held'
        ? { lease_agent_id: `'${agent.id}'`, lease_expires_at: 'now()', leased_at: 'now()' }
        : {};
    await expect(insert(status, { ...wrong, ...whole })).rejects.toThrow(constraint);
  });

  it('has a time for every unfinished task at which a duty looks at it again', async () => {
    for (const status of TASK_STATUSES.filter((one) => !isTerminal(one))) {
      const id = await insert(status);
      const [row] = await query<{ guarded: boolean }>(
        `select case when status in ('assigned', 'in_progress') then wake_at is not null else look_at is not null end as guarded
           from tasks where id = $1`,
        [id],
      );
      expect([status, row?.guarded]).toEqual([status, true]);
    }
  });
});
