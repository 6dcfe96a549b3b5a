import { v7 as newId } from 'uuid';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import { forgetRules, insertRule } from '../../../../test/factories/escalation.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { EscalationRoute } from './escalation-route.js';
import { EscalationRouteStore } from './escalation-route.store.js';

describe('the route from events to rules of escalation', () => {
  let db: TestDatabase;
  let route: EscalationRoute;
  const taskId = newId();
  const agentId = newId();

  beforeEach(async () => {
    db = await openTestDatabase();
    await forgetRules(db);
    route = new EscalationRoute(new EscalationRouteStore());
  });
  afterEach(() => db.close());

  const event = (fields: Partial<LedgerEvent>): LedgerEvent => ({
    ...{ id: newId(), position: '1', seq: '1', type: 'task.assigned', time: new Date(), actor: 'system' },
    ...{ workspaceId: db.workspaceId, subject: `task:${taskId}`, data: {} },
    ...fields,
  });
  /** The marks that are there after these events, and whether somebody was woken. */
  async function follow(...events: LedgerEvent[]): Promise<{ marks: string[]; woken: boolean }> {
    return db.database.inOrganization(db.organizationId, async (tx) => {
      await tx.query('delete from escalation_marks where organization_id = $1', [db.organizationId]);
      const wakeups = await route.follow(tx, events);
      const rows = await tx.query<{ kind: string; subject_id: string }>(
        'select kind, subject_id from escalation_marks order by kind, subject_id',
      );
      return { marks: rows.map((row) => `${row.kind} ${row.subject_id}`), woken: wakeups.length > 0 };
    });
  }

  it('leaves word of each task once, whatever happened to it', async () => {
    await insertRule(db, {});
    const { marks, woken } = await follow(
      event({}),
      event({ type: 'task.started' }),
      event({ type: 'lease.lost' }),
      event({ type: 'approval.resolved', subject: `approval:${newId()}`, data: { taskId } }),
    );
    expect(marks).toEqual([`task ${taskId}`]);
    expect(woken).toBe(true);
  });

  it('leaves no word of a task that is over, unless a rule has its eye on it, or names such tasks', async () => {
    const ruleId = await insertRule(db, {});
    const write = (sql: string, ...parameters: unknown[]) =>
      db.database.inOrganization(db.organizationId, (tx) =>
        tx.query(sql, [db.organizationId, db.workspaceId, taskId, ...parameters]),
      );
    await write(
      `insert into tasks (organization_id, workspace_id, id, title, status, priority, dispatch_at, created_by, evidence_ref, ended_at)
       values ($1, $2, $3, 'Sort the mail', 'done', 'normal', now(), 'system', 'kept', now())`,
    );
    expect(await follow(event({ type: 'task.completed' }))).toEqual({ marks: [], woken: false });
    await write(
      `insert into escalation_watches (organization_id, workspace_id, subject_id, rule_id, due_at) values ($1, $2, $3, $4, now())`,
      ruleId,
    );
    expect((await follow(event({ type: 'task.completed' }))).marks).toEqual([`task ${taskId}`]);
    await write('delete from escalation_watches where organization_id = $1 and workspace_id = $2 and subject_id = $3');
    await insertRule(db, { match: { status: ['done'] } });
    expect((await follow(event({ type: 'task.completed' }))).marks).toEqual([`task ${taskId}`]);
  });

  it('leaves word of approvals where a rule looks at them, and of the task they are about', async () => {
    const approvalId = newId();
    const requested = event({ type: 'approval.requested', subject: `approval:${approvalId}`, data: { taskId } });
    await insertRule(db, {});
    expect((await follow(requested)).marks).toEqual([`task ${taskId}`]);
    await insertRule(db, { trigger: 'approvalPending' });
    expect((await follow(requested)).marks).toEqual([`approval ${approvalId}`, `task ${taskId}`]);
    expect((await follow({ ...requested, data: { taskId: null } })).marks).toEqual([`approval ${approvalId}`]);
  });

  it('is silent where no rule cares, and about its own news', async () => {
    expect(await follow(event({}))).toEqual({ marks: [], woken: false });
    await insertRule(db, { enabled: false });
    expect(await follow(event({}))).toEqual({ marks: [], woken: false });
    await insertRule(db, {});
    expect(
      await follow(event({ type: 'task.waiting' }), event({ type: 'escalation.raised', data: { taskId } })),
    ).toEqual({ marks: [], woken: false });
    expect(
      await follow(event({ type: 'agent.state_changed', workspaceId: null, subject: `agent:${agentId}` })),
    ).toEqual({ marks: [], woken: false });
  });

  it('carries news of agents and of money to the workspaces whose rules look at them', async () => {
    await insertRule(db, { trigger: 'agentSilent' });
    await insertRule(db, { trigger: 'budgetConsumed' });
    const { marks } = await follow(
      event({ type: 'agent.state_changed', workspaceId: null, subject: `agent:${agentId}` }),
      event({ type: 'execution.admitted', subject: `execution:${newId()}` }),
      event({ type: 'execution.settled', subject: `execution:${newId()}` }),
    );
    expect(marks).toEqual([`agent ${agentId}`, `budgets ${db.workspaceId}`]);
  });

  it('digests whatever stands in the ledger', async () => {
    await insertRule(db, {});
    const odd = [
      event({ subject: 'task:', data: { taskId: null } }),
      event({ subject: 'task:not-an-id' }),
      event({ subject: 'x', data: { taskId: { id: taskId } } }),
      event({ workspaceId: newId() }),
      event({ workspaceId: null }),
      event({ type: 'odd' }),
    ];
    expect((await follow(...odd)).marks).toEqual([`task ${taskId}`]);
  });
});
