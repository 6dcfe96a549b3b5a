import { v7 as newId } from 'uuid';
import { forgetRules, insertRule } from '../../../../test/factories/escalation.js';
import { insertAgent } from '../../../../test/factories/fleet.js';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import { lookAtDue } from './due-looks.js';
import type { EscalationRow } from './escalation.row.js';

describe('rules about approvals that name no task', () => {
  let db: TestDatabase;

  beforeEach(async () => {
    db = await openTestDatabase();
    await forgetRules(db);
  });
  afterEach(() => db.close());

  const sql = <Row>(text: string, values: unknown[] = []): Promise<Row[]> =>
    db.database.inOrganization(db.organizationId, (tx) => tx.query<Row>(text, values));
  const ago = (seconds: number) => new Date(Date.now() - seconds * 1_000);
  const turn = () =>
    lookAtDue(db.database, { organizationId: db.organizationId, workspaceId: null }, (_, error) => {
      throw error;
    });
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
  /** Asked an hour ago by an agent. */
  async function insertApproval(columns: Record<string, unknown> = {}): Promise<string> {
    const id = newId();
    const row = {
      ...{ organization_id: db.organizationId, workspace_id: db.workspaceId, id, kind: 'action', status: 'pending' },
      ...{ policy: 'pending', policy_reasons: [], action: 'send_email', description: 'Send it', risk: 'medium' },
      ...{ is_external: false, options: [], assignees: [{ role: 'member' }], on_timeout: 'reject', reminders: 0 },
      ...{ payload_digest: `sha256:${'0'.repeat(64)}`, due_at: ago(-3_600), requested_by: 'system', version: 1 },
      ...{ created_at: ago(3_600), updated_at: ago(3_600) },
      ...columns,
    };
    await sql('insert into approvals select * from jsonb_populate_record(null::approvals, $1)', [JSON.stringify(row)]);
    return id;
  }
  const markApproval = (id: string) =>
    sql('select mark_escalations($1, $2)', [
      db.organizationId,
      JSON.stringify([{ workspace_id: db.workspaceId, kind: 'approval', subject_id: id }]),
    ]);
  const resolve = async (id: string) => {
    await sql(
      `update approvals set status = 'rejected', decision = 'reject', resolved_by = 'key:1', resolved_at = now(), due_at = null
        where id = $1`,
      [id],
    );
    await markApproval(id);
  };

  it('remind whoever is asked, then those above, once per level, and end with the decision', async () => {
    const id = await insertApproval({ channels: ['slack'] });
    const rule = await insertRule(db, { trigger: 'approvalPending', threshold: 60, max_depth: 2 });
    await turn();
    await turn();
    expect(await raised()).toMatchObject([
      { rule_id: rule, subject_kind: 'approval', subject_id: id, level: 1, status: 'open' },
    ]);
    await pass(601);
    await turn();
    await pass(601);
    await turn();
    expect((await raised()).map((row) => row.level)).toEqual([1, 2]);
    expect((await events('escalation.raised')).map(({ data }) => data)).toMatchObject([
      { approvalId: id, channels: ['slack'], recipients: [{ role: 'member' }], title: 'Look at this: send_email' },
      { approvalId: id, recipients: [{ role: 'member' }, { role: 'owner' }, { role: 'admin' }] },
    ]);
    await resolve(id);
    await turn();
    await turn();
    expect((await raised()).map((row) => row.status)).toEqual(['resolved', 'resolved']);
    expect((await events('escalation.resolved')).map(({ data }) => data['approvalId'])).toEqual([id, id]);
  });

  it('take the place of the daily reminder, so that nobody is told twice', async () => {
    const asked = await insertApproval({ due_at: ago(-60) });
    await insertRule(db, { trigger: 'approvalPending', threshold: 60 });
    await turn();
    const [row] = await sql<{ reminders: number; hours: number }>(
      'select reminders, round(extract(epoch from due_at - now()) / 3600)::int as hours from approvals where id = $1',
      [asked],
    );
    expect(row).toEqual({ reminders: 1, hours: 24 });
    // Those whom a rule names are told besides: whoever is asked is still reminded.
    await forgetRules(db);
    const other = await insertApproval({ due_at: ago(-60) });
    const actions = [{ type: 'notify' as const, recipients: [{ role: 'owner' }] }];
    await insertRule(db, { trigger: 'approvalPending', threshold: 60, actions });
    await turn();
    expect(await sql('select 1 from approvals where id = $1 and reminders = 0', [other])).toHaveLength(1);
  });

  it('are restricted by the agent that asked, and never by what only a task has', async () => {
    const agent = await insertAgent(db);
    const own = await insertApproval({ requester_agent_id: agent.id });
    await insertApproval();
    await insertRule(db, { trigger: 'approvalPending', match: { agent: agent.name } });
    await insertRule(db, { trigger: 'approvalPending', match: { priority: ['urgent', 'high', 'normal', 'low'] } });
    await turn();
    expect((await raised()).map((row) => row.subject_id)).toEqual([own]);
  });

  it('hear of those that come and go later, and do not fire for what was decided in time', async () => {
    const rule = await insertRule(db, { trigger: 'approvalPending', threshold: 60 });
    await turn();
    const [early, late] = [await insertApproval({ created_at: ago(10) }), await insertApproval()];
    await markApproval(early);
    await markApproval(late);
    await turn();
    expect((await raised()).map((row) => row.subject_id)).toEqual([late]);
    await resolve(early);
    await turn();
    expect(await sql('select 1 from escalation_watches where rule_id = $1 and subject_id = $2', [rule, early])).toEqual(
      [],
    );
  });

  it('find them all among more tasks than fit into one turn', async () => {
    await sql(
      `insert into tasks (organization_id, workspace_id, id, title, priority, status, dispatch_at, created_by)
       select $1, $2, gen_random_uuid(), 'Task ' || n, 'normal', 'inbox', now(), 'system' from generate_series(1, 700) n`,
      [db.organizationId, db.workspaceId],
    );
    const ids = [];
    for (let count = 0; count < 3; count += 1) ids.push(await insertApproval());
    await insertRule(db, { trigger: 'approvalPending', threshold: 60 });
    for (let turns = 0; turns < 4; turns += 1) await turn();
    expect((await raised()).map((row) => row.subject_id).sort()).toEqual(ids.sort());
  });

  it('do to them only what can be done without a task', async () => {
    await insertApproval();
    await insertRule(db, {
      trigger: 'approvalPending',
      actions: [{ type: 'raisePriority' }, { type: 'notify' }],
    });
    await turn();
    expect((await raised())[0]?.actions).toEqual([
      { type: 'raisePriority', done: false, detail: 'It is about no task.' },
      { type: 'notify', done: true },
    ]);
  });
});
