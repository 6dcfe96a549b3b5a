import { readFileSync } from 'node:fs';
import path from 'node:path';
import { v7 as newId } from 'uuid';
import { openTestDatabase, type TestDatabase } from '../../../../test/support/database.js';
import {
  APPROVAL_STATUSES,
  APPROVAL_TRANSITIONS,
  type ApprovalMover,
  type ApprovalStatus,
  DECISIONS,
  mayMoveApproval,
  OUTCOMES,
} from './approval-states.js';

const MOVERS: ApprovalMover[] = ['decider', 'requester', 'clock'];
const PICTURE = path.resolve(__dirname, '../../../../docs/states/approval.md');
const DIGEST = `sha256:${'0'.repeat(64)}`;

describe('the states of an approval', () => {
  it('end in whatever is not pending: no mover leads out of it', () => {
    for (const from of APPROVAL_STATUSES.filter((status) => status !== 'pending')) {
      for (const to of APPROVAL_STATUSES) for (const by of MOVERS) expect(mayMoveApproval(from, to, by)).toBe(false);
    }
  });

  it('let deciders decide, requesters take back and the clock do what was asked for, and nothing else', () => {
    const reached = (by: ApprovalMover) => APPROVAL_STATUSES.filter((to) => mayMoveApproval('pending', to, by));
    expect(reached('decider')).toEqual(['approved', 'rejected', 'answered']);
    expect(reached('requester')).toEqual(['cancelled']);
    expect(reached('clock')).toEqual(['approved', 'expired', 'cancelled']);
  });

  it('have an outcome for every decision, which a decider may reach', () => {
    for (const decision of DECISIONS) expect(mayMoveApproval('pending', OUTCOMES[decision], 'decider')).toBe(true);
  });

  it('are drawn as they are', () => {
    const drawn = [...readFileSync(PICTURE, 'utf8').matchAll(/^ {2}(\w+) --> (\w+): (.+)$/gm)];
    const edges = drawn.map(([, from, to, by]) => ({ from, to, by: by!.split(', ') }));
    expect(edges).toEqual(APPROVAL_TRANSITIONS);
  });

  describe('in the database', () => {
    let db: TestDatabase;
    beforeAll(async () => {
      db = await openTestDatabase();
    });
    afterAll(() => db.close());

    const query = (sql: string, values: unknown[] = []) =>
      db.database.inOrganization(db.organizationId, (tx) => tx.query(sql, values));
    const columnsOf = (status: ApprovalStatus) => ({
      due: status === 'pending' ? 'now()' : 'null',
      end: status === 'pending' ? 'null' : 'now()',
      by: status === 'pending' ? 'null' : `'timeout'`,
      digest: status === 'approved' ? `'${DIGEST}'` : 'null',
      decision: { rejected: `'reject'`, answered: `'respond'` }[status as string] ?? 'null',
    });
    const insert = async (status: ApprovalStatus): Promise<string> => {
      const id = newId();
      const { due, end, by, digest, decision } = columnsOf(status);
      await query(
        `insert into approvals (organization_id, workspace_id, id, kind, status, policy, action, description, risk, payload_digest,
           assignees, requested_by, requester_key_id, due_at, resolved_at, resolved_by, approved_digest, decision)
         values ($1, $2, $3, 'action', $4, 'pending', 'x', 'x', 'low', $5, '[{"role": "owner"}]', 'key:x', $3,
           ${due}, ${end}, ${by}, ${digest}, ${decision})`,
        [db.organizationId, db.workspaceId, id, status, DIGEST],
      );
      return id;
    };
    const move = (id: string, to: ApprovalStatus) => {
      const { due, end, by, digest, decision } = columnsOf(to);
      return query(
        `update approvals set status = $2, due_at = ${due}, resolved_at = ${end}, resolved_by = ${by}, approved_digest = ${digest},
           decision = ${decision} where id = $1`,
        [id, to],
      );
    };

    it('go every way there is, and no other', async () => {
      for (const from of APPROVAL_STATUSES) {
        for (const to of APPROVAL_STATUSES.filter((status) => status !== from)) {
          const id = await insert(from);
          const isThere = MOVERS.some((by) => mayMoveApproval(from, to, by));
          const moved = await move(id, to).then(
            () => true,
            () => false,
          );
          expect([from, to, moved]).toEqual([from, to, isThere]);
        }
      }
    });

    it.each([
      ['a pending one that nobody looks at', `status = 'pending', due_at = null`],
      [
        'a yes that does not say to what',
        `status = 'approved', due_at = null, resolved_at = now(), resolved_by = 'timeout'`,
      ],
      ['a no that nobody gave', `status = 'rejected', due_at = null, resolved_at = now(), resolved_by = 'x'`],
      ['a yes by silence to what is external', `is_external = true, on_timeout = 'approve'`],
      ['a yes by silence to what is blocked', `policy = 'blocked', on_timeout = 'approve'`],
      ['one that asks nobody', `assignees = '[]'`],
    ])('never show %s', async (_, columns) => {
      const id = await insert('pending');
      await expect(query(`update approvals set ${columns} where id = $1`, [id])).rejects.toThrow(/constraint/);
    });
  });
});
