import { v7 as newId } from 'uuid';
import { forgetRules, insertRule } from '../../../../test/factories/escalation.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { lookAtDue } from './due-looks.js';
import type { EscalationRow } from './escalation.row.js';

describe('rules of escalation', () => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await openTestDatabase();
    await forgetRules(db);
  });
  afterEach(() => db.close());

  const sql = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(text, values));

  /** A task as it stands somewhere, `secondsAgo` in its status. */
  async function insertTask(columns: Record<string, unknown> = {}): Promise<string> {
    const id = newId();
    const row = {
      ...{ id, title: 'Sort the mail', priority: 'normal', status: 'inbox', created_by: 'system' },
      ...{ organization_id: db.organizationId, workspace_id: db.workspaceId, dispatch_at: new Date(0) },
      ...(columns.status === 'blocked' ? { blocker_reason: 'No stamps' } : {}),
      ...columns,
    };
    const names = Object.keys(row).join(', ');
    await sql(`insert into tasks (${names}) select ${names} from jsonb_populate_record(null::tasks, $1)`, [
      JSON.stringify(row),
    ]);
    return id;
  }

  const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
  const markTask = (id: string) =>
    sql('select mark_escalations($1, $2)', [
      db.organizationId,
      JSON.stringify([{ workspace_id: db.workspaceId, kind: 'task', subject_id: id }]),
    ]);
  const faults: unknown[] = [];
  const turn = () =>
    lookAtDue(db.database, { organizationId: db.organizationId, workspaceId: null }, (_, error) => faults.push(error));
  const raised = () => sql<EscalationRow>('select * from escalations order by raised_at, level');
  const events = (type: string) =>
    sql<{ data: Record<string, unknown> }>('select data from events where type = $1 order by seq', [type]);
  /** Lets time pass for every watch. */
  const pass = (seconds: number) =>
    sql(
      `update escalation_watches set due_at = due_at - make_interval(secs => $1),
              cooldown_until = cooldown_until - make_interval(secs => $1)`,
      [seconds],
    );

  afterEach(() => expect(faults.splice(0)).toEqual([]));

  it('fire for a task that has been in its status for too long, and say so once', async () => {
    const late = await insertTask({ status: 'blocked', status_since: ago(120) });
    await insertTask({ status: 'blocked', status_since: ago(10) });
    await insertTask({ status: 'inbox', status_since: ago(500) });
    const rule = await insertRule(db, { match: { status: ['blocked'] }, threshold: 60 });
    await turn();
    await turn();
    expect(await raised()).toMatchObject([{ rule_id: rule, subject_id: late, level: 1, status: 'open' }]);
    const [event] = await events('escalation.raised');
    expect(event?.data).toMatchObject({
      taskId: late,
      level: 1,
      recipients: [{ role: 'owner' }, { role: 'admin' }],
      title: 'Look at this: Sort the mail',
      text: expect.stringContaining('blocked'),
    });
  });

  it('wait for their time', async () => {
    await insertTask({ status: 'blocked', status_since: ago(10) });
    await insertRule(db, { match: { status: ['blocked'] }, threshold: 60 });
    await turn();
    const [watch] = await sql<{ wait: number }>(
      'select extract(epoch from due_at - now())::float8 as wait from escalation_watches',
    );
    expect(watch?.wait).toBeGreaterThan(30);
    expect(watch?.wait).toBeLessThan(51);
    expect(await raised()).toEqual([]);
  });

  it('do not fire when what they waited for is no longer true at the time', async () => {
    const task = await insertTask({ status: 'blocked', status_since: ago(10) });
    await insertRule(db, { match: { status: ['blocked'] }, threshold: 60 });
    await turn();
    // Nobody left word: the look itself must notice.
    await sql(`update tasks set status = 'inbox', blocker_reason = null, status_since = now() where id = $1`, [task]);
    await sql('update escalation_watches set due_at = now()');
    await turn();
    expect(await raised()).toEqual([]);
    expect(await sql('select 1 from escalation_watches')).toEqual([]);
  });

  it('fire once however many schedulers look at once', async () => {
    for (let number = 0; number < 20; number += 1) await insertTask({ status: 'blocked', status_since: ago(120) });
    await insertRule(db, { match: { status: ['blocked'] }, threshold: 60 });
    await Promise.all([turn(), turn(), turn(), turn()]);
    await Promise.all([turn(), turn(), turn(), turn()]);
    expect(await raised()).toHaveLength(20);
    expect(await events('escalation.raised')).toHaveLength(20);
  });

  it('fire the next level when the cooldown ends, never before, and never more often than their depth', async () => {
    await insertTask({ status: 'blocked', status_since: ago(120) });
    await insertRule(db, { match: { status: ['blocked'] }, cooldown_seconds: 100, max_depth: 2 });
    await turn();
    await pass(90);
    await turn();
    expect(await raised()).toHaveLength(1);
    for (let round = 0; round < 4; round += 1) {
      await pass(101);
      await turn();
    }
    expect((await raised()).map(({ level }) => level)).toEqual([1, 2]);
  });

  it('resolve what they raised when it is over, and begin anew after that', async () => {
    const task = await insertTask({ status: 'blocked', status_since: ago(120) });
    await insertRule(db, { match: { status: ['blocked'] }, cooldown_seconds: 100 });
    await turn();
    await pass(101);
    await turn();
    await sql(`update tasks set status = 'inbox', blocker_reason = null where id = $1`, [task]);
    await markTask(task);
    await turn();
    expect((await raised()).map(({ status }) => status)).toEqual(['resolved', 'resolved']);
    expect(await events('escalation.resolved')).toHaveLength(2);
    await sql(`update tasks set status = 'blocked', blocker_reason = 'Again', status_since = $2 where id = $1`, [
      task,
      ago(120),
    ]);
    await markTask(task);
    await turn();
    // Within the cooldown the first level does not come again.
    expect(await raised()).toHaveLength(2);
    await pass(101);
    await turn();
    expect((await raised()).map(({ level, status }) => [level, status])).toEqual([
      [1, 'resolved'],
      [2, 'resolved'],
      [1, 'open'],
    ]);
  });

  it('fire when so much of the service level, or of the time until it is due, is used up', async () => {
    const slo = await insertTask({ slo_seconds: 1_000, created_at: ago(760) });
    const due = await insertTask({ due_at: new Date(Date.now() + 200_000), created_at: ago(800) });
    await insertTask({ slo_seconds: 1_000, created_at: ago(700) });
    await insertTask({ created_at: ago(700) });
    await insertRule(db, { trigger: 'sloConsumed', threshold: 75 });
    await turn();
    expect((await raised()).map((row) => row.subject_id).sort()).toEqual([slo, due].sort());
  });

  it('count failed attempts, of what was given up too, but not what was given back', async () => {
    const { id: agent } = await insertAgent(db);
    const attempt = (task: string, fence: number, kind: string) =>
      sql(
        `insert into task_attempts (organization_id, workspace_id, task_id, fence, number, agent_id, ended_at, kind, error)
         values ($1, $2, $3, $4::int, $4::int, $5, now(), $6, 'Connection reset by peer')`,
        [db.organizationId, db.workspaceId, task, fence, agent, kind],
      );
    const dead = await insertTask({ status: 'failed', ended_at: new Date(), last_error: 'Connection reset by peer' });
    const released = await insertTask({});
    for (const fence of [1, 2, 3]) {
      await attempt(dead, fence, fence === 2 ? 'abandoned' : 'transient');
      await attempt(released, fence, 'released');
    }
    const failing = await insertRule(db, { trigger: 'failedAttempts', threshold: 3 });
    const pattern = await insertRule(db, {
      trigger: 'errorPattern',
      threshold: null,
      pattern: '(?i)connection re(set|fused)',
    });
    await insertRule(db, { trigger: 'errorPattern', threshold: null, pattern: 'out of paper' });
    await turn();
    expect((await raised()).map((row) => [row.rule_id, row.subject_id]).sort()).toEqual(
      [
        [failing, dead],
        [pattern, dead],
      ].sort(),
    );
  });

  it('fire when an approval is waited for too long', async () => {
    const task = await insertTask({ approval_id: newId() });
    await insertRule(db, { trigger: 'approvalPending', threshold: 60 });
    await turn();
    expect(await raised()).toEqual([]);
    await sql(`update tasks set approval_since = now() - interval '61 seconds'`);
    await markTask(task);
    await turn();
    expect(await raised()).toHaveLength(1);
  });

  it('fire when an agent has fallen silent, and resolve when it is back', async () => {
    const { id: agent, name } = await insertAgent(db);
    const { id: other } = await insertAgent(db);
    await insertAgent(db);
    for (const id of [agent, other]) {
      await sql(
        `insert into agent_presence (organization_id, agent_id, last_seen_at) values ($1, $2, now() - interval '100 seconds')`,
        [db.organizationId, id],
      );
    }
    await insertRule(db, { trigger: 'agentSilent', threshold: 90, match: { agent: [name] } });
    await turn();
    expect(await raised()).toMatchObject([{ subject_kind: 'agent', subject_id: agent }]);
    await sql('update agent_presence set last_seen_at = now()');
    await pass(700);
    await turn();
    expect(await raised()).toMatchObject([{ status: 'resolved' }]);
  });

  it('fire when a budget is used up to a percentage', async () => {
    const budget = newId();
    await sql(
      `insert into budgets (organization_id, workspace_id, id, name, limit_nano, period, timezone, week_start, mode, thresholds)
       values ($1, $2, $3, 'Mail', 1000, 'total', 'UTC', 1, 'enforce', '{}')`,
      [db.organizationId, db.workspaceId, budget],
    );
    await sql(
      `insert into budget_windows (organization_id, workspace_id, budget_id, window_start, window_end, spent_nano, held_nano)
       values ($1, $2, $3, 'epoch', 'infinity', 500, 200)`,
      [db.organizationId, db.workspaceId, budget],
    );
    await insertRule(db, { trigger: 'budgetConsumed', threshold: 80 });
    await turn();
    expect(await raised()).toEqual([]);
    await sql('update budget_windows set spent_nano = 600');
    await sql('select mark_escalations($1, $2)', [
      db.organizationId,
      JSON.stringify([{ workspace_id: db.workspaceId, kind: 'budgets', subject_id: db.workspaceId }]),
    ]);
    await turn();
    expect(await raised()).toMatchObject([{ subject_kind: 'budget', subject_id: budget }]);
  });

  it('ask their condition before they fire', async () => {
    const urgent = await insertTask({ status: 'blocked', status_since: ago(120), priority: 'urgent' });
    await insertTask({ status: 'blocked', status_since: ago(120) });
    await insertRule(db, { condition: "task.priority == 'urgent' && now > task.createdAt" });
    await turn();
    expect((await raised()).map((row) => row.subject_id)).toEqual([urgent]);
  });

  it('stop when they are disabled, and take back what they raised', async () => {
    await insertTask({ status: 'blocked', status_since: ago(120) });
    const rule = await insertRule(db, {});
    await turn();
    await sql('update escalation_rules set enabled = false where id = $1', [rule]);
    await sql('select mark_escalations($1, $2)', [
      db.organizationId,
      JSON.stringify([{ workspace_id: db.workspaceId, kind: 'rule', subject_id: rule }]),
    ]);
    await turn();
    expect(await raised()).toMatchObject([{ status: 'resolved' }]);
    expect(await sql('select 1 from escalation_watches where depth > 0')).toEqual([]);
  });

  it('look at more tasks than fit into one turn', async () => {
    await sql(
      `insert into tasks (organization_id, workspace_id, id, title, priority, status, blocker_reason, status_since, dispatch_at, created_by)
       select $1, $2, gen_random_uuid(), 'Task ' || n, 'normal', 'blocked', 'x', now() - interval '1 hour', now(), 'system'
         from generate_series(1, 1200) n`,
      [db.organizationId, db.workspaceId],
    );
    await insertRule(db, { threshold: 7_200 });
    for (let turns = 0; turns < 5; turns += 1) await turn();
    const [{ count } = { count: 0 }] = await sql<{ count: number }>(
      'select count(*)::int as count from escalation_watches',
    );
    expect(count).toBe(1_200);
  });

  it('take no more in one turn than they may, also when the planner knows nothing of the tables', async () => {
    await sql(
      `insert into escalation_marks (organization_id, workspace_id, kind, subject_id)
       select $1, $2, 'task', gen_random_uuid() from generate_series(1, 500) n`,
      [db.organizationId, db.workspaceId],
    );
    expect([(await turn()).noted, (await turn()).noted, (await turn()).noted]).toEqual([200, 200, 100]);
  });

  it('fire at once, however many rules are to be held against everything anew', async () => {
    await sql(
      `insert into escalation_marks (organization_id, workspace_id, kind, subject_id, marked_at)
       select $1, $2, 'rule', gen_random_uuid(), now() - interval '1 minute' from generate_series(1, 300) n`,
      [db.organizationId, db.workspaceId],
    );
    await insertRule(db, { threshold: 60 });
    await markTask(await insertTask({ status: 'blocked', status_since: ago(120) }));
    expect((await turn()).noted).toBe(11);
    expect(await raised()).toHaveLength(1);
  });
});
