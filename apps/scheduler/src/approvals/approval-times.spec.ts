import { type ApprovalJson, requestApproval } from '../../../../test/factories/approval.js';
import { createTask } from '../../../../test/factories/fleet.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { ApprovalTimes } from './approval-times.js';
import { DueApprovalStore } from './due-approval.store.js';

describe('the times of approvals', () => {
  let gateway: TestGateway;
  let duty: ApprovalTimes;
  let admin: ApiClient;
  let deciding: ApiClient;

  beforeEach(async () => {
    gateway = await startGateway();
    duty = new ApprovalTimes(gateway.db.database, new DueApprovalStore());
    admin = gateway.as(await gateway.key({ role: 'admin' }));
    deciding = gateway.as(await gateway.key({ role: 'owner' }));
  });
  afterEach(() => gateway.close());

  const NOTHING = { expired: 0, approved: 0, escalated: 0, reminded: 0, cancelled: 0 };
  const query = <Row>(sql: string, values: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, values));
  const told = async ({ id }: { id: string }) =>
    query<{ type: string; data: Record<string, unknown> }>(
      'select type, data from events where subject = $1 order by seq',
      [`approval:${id}`],
    );
  const read = async ({ id }: { id: string }) =>
    bodyOf<ApprovalJson>(await gateway.owner.get(`/api/approvals/${id}`), 200);
  const inAnHour = () => new Date(Date.now() + 3_600_000).toISOString();
  const asked = (fields: Record<string, unknown> = {}) => requestApproval(admin, { deadline: inAnHour(), ...fields });
  const passDeadline = () => query(`update approvals set deadline = now(), due_at = now() where status = 'pending'`);
  const passDay = () =>
    query(`update approvals set due_at = now() where status = 'pending'`).then(() => duty.runOnce());

  it('leave an approval alone before its deadline', async () => {
    await asked();
    expect(await duty.runOnce()).toEqual(NOTHING);
  });

  it('expire it once: silence is no yes', async () => {
    const row = await asked();
    await passDeadline();
    expect(await duty.runOnce()).toEqual({ ...NOTHING, expired: 1 });
    expect(await duty.runOnce()).toEqual(NOTHING);
    expect(await read(row)).toMatchObject({
      status: 'expired',
      resolvedBy: 'timeout',
      decision: null,
      approvedDigest: null,
    });
    expect((await told(row)).map(({ type }) => type)).toEqual(['approval.requested', 'approval.expired']);
    const late = await deciding.post(`/api/approvals/${row.id}/resolve`, { decision: 'approve' });
    expect([late.status, (late.body as { code: string }).code]).toEqual([409, 'already_decided']);
  });

  it('approve it where the request said so', async () => {
    const row = await asked({ onTimeout: 'approve', payload: { n: 1 } });
    await passDeadline();
    expect(await duty.runOnce()).toEqual({ ...NOTHING, approved: 1 });
    expect(await read(row)).toMatchObject({
      status: 'approved',
      resolvedBy: 'timeout',
      approvedDigest: row.payloadDigest,
    });
  });

  it('hand it to the owners where the request said so, and leave it pending', async () => {
    const row = await asked({ onTimeout: 'escalate', assignees: [{ role: 'member' }] });
    await passDeadline();
    expect(await duty.runOnce()).toEqual({ ...NOTHING, escalated: 1 });
    expect(await duty.runOnce()).toEqual(NOTHING);
    expect(await read(row)).toMatchObject({ status: 'pending', assignees: [{ role: 'owner' }] });
    expect((await told(row)).at(-1)).toMatchObject({
      type: 'escalation.raised',
      data: { approvalId: row.id, reason: 'approval_deadline', recipients: [{ role: 'owner' }], critical: true },
    });
    bodyOf(await deciding.post(`/api/approvals/${row.id}/resolve`, { decision: 'approve' }), 200);
  });

  it('count also where no duty has looked yet: a late decision finds the deadline passed', async () => {
    const [expiring, passing] = [await asked(), await asked({ onTimeout: 'approve' })];
    await passDeadline();
    for (const row of [expiring, passing]) {
      const late = await deciding.post(`/api/approvals/${row.id}/resolve`, { decision: 'reject' });
      expect([late.status, (late.body as { code: string }).code]).toEqual([409, 'already_decided']);
    }
    expect(await read(expiring)).toMatchObject({ status: 'expired' });
    expect(await read(passing)).toMatchObject({ status: 'approved', resolvedBy: 'timeout' });
    expect(await duty.runOnce()).toEqual(NOTHING);
  });

  it('let an owner decide late what would only be handed to owners', async () => {
    const row = await asked({ onTimeout: 'escalate' });
    await passDeadline();
    bodyOf(await deciding.post(`/api/approvals/${row.id}/resolve`, { decision: 'approve' }), 200);
    expect((await told(row)).map(({ type }) => type)).toEqual([
      'approval.requested',
      'escalation.raised',
      'approval.resolved',
    ]);
  });

  it('remind once a day, from the second day on those above too, and never forget the deadline over it', async () => {
    const row = await asked({ assignees: [{ role: 'member' }], deadline: undefined });
    await passDay();
    await passDay();
    const reminders = (await told(row)).filter(({ type }) => type === 'approval.reminded');
    expect(reminders.map(({ data }) => data['recipients'])).toEqual([
      [{ role: 'member' }],
      [{ role: 'member' }, { role: 'owner' }, { role: 'admin' }],
    ]);
    expect(await duty.runOnce()).toEqual(NOTHING);
    const dated = await asked();
    await passDay();
    const [due] = await query('select 1 from approvals where id = $1 and due_at = deadline', [dated.id]);
    expect(due).toBeDefined();
  });

  it('take it back when its task has ended, and let the task be', async () => {
    const { id: taskId } = await createTask(gateway.owner);
    const row = await asked({ subject: { action: 'deploy', taskId } });
    bodyOf(await gateway.owner.post(`/api/tasks/${taskId}/transition`, { to: 'cancelled' }), 200);
    expect(await duty.runOnce()).toEqual({ ...NOTHING, cancelled: 1 });
    expect(await read(row)).toMatchObject({ status: 'cancelled', resolvedBy: 'system' });
    expect(bodyOf(await gateway.owner.get(`/api/tasks/${taskId}`), 200)).toMatchObject({ status: 'cancelled' });
  });

  it('are kept by several schedulers at once, each deadline once', async () => {
    const rows = await Promise.all(Array.from({ length: 30 }, () => asked()));
    await passDeadline();
    const runs = await Promise.all(Array.from({ length: 3 }, () => duty.runOnce()));
    expect(runs.reduce((sum, counts) => sum + counts['expired']!, 0)).toBe(30);
    const events = await query(`select 1 from events where type = 'approval.expired'`);
    expect(events).toHaveLength(rows.length);
  });
});
