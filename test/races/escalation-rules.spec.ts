import { createTask } from '../factories/fleet.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

const ROUNDS = 12;
const TASKS = 8;

describe('rules that are changed and deleted while others look', () => {
  let gateway: TestGateway;
  let taskIds: string[];

  beforeAll(async () => {
    gateway = await startGateway();
    const tasks = await Promise.all(Array.from({ length: TASKS }, () => createTask(gateway.owner)));
    taskIds = tasks.map(({ id }) => id);
  });
  afterAll(() => gateway.close());

  const rule = async (n: number): Promise<string> => {
    const body = {
      ...{ name: `Waits ${n}`, trigger: 'timeInStatus', match: { status: ['inbox'] }, threshold: 1 },
      ...{ cooldownSeconds: 1, actions: [{ type: 'notify' }] },
    };
    return bodyOf<{ id: string }>(await gateway.owner.post('/api/escalation-rules', body), 201).id;
  };

  it('let everybody finish, and leave nothing behind', async () => {
    const statuses: number[] = [];
    for (let round = 0; round < ROUNDS; round += 1) {
      const ids = [await rule(round), await rule(round + ROUNDS)];
      const { owner } = gateway;
      const answers = await Promise.all([
        ...[1, 2, 3].map(() => owner.post('/api/escalation-rules/check-all')),
        ...taskIds.map((id) => owner.post(`/api/escalation-rules/evaluate/${id}`)),
        ...ids.map((id) => owner.patch(`/api/escalation-rules/${id}`, { threshold: 2 })),
        ...ids.map((id) => owner.delete(`/api/escalation-rules/${id}`)),
      ]);
      statuses.push(...answers.map(({ status }) => status));
    }
    // 404: it was deleted before it was changed.
    expect(statuses.filter((status) => ![200, 204, 404].includes(status))).toEqual([]);
    bodyOf(await gateway.owner.post('/api/escalation-rules/check-all'), 200);
    const rows = await gateway.db.database.inOrganization(gateway.db.organizationId, (tx) =>
      tx.query(
        `select 'watch' as left from escalation_watches w where not exists (select from escalation_rules r where r.id = w.rule_id)
         union all select 'open' from escalations e where e.status <> 'resolved'
                      and not exists (select from escalation_rules r where r.id = e.rule_id)`,
      ),
    );
    expect(rows).toEqual([]);
  });
});
