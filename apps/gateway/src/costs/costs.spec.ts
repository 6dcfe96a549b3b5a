import fc from 'fast-check';
import { Client } from 'pg';
import { v7 as newId } from 'uuid';
import { bodyOf, startGateway, type TestGateway } from '../../../../test/support/gateway.js';
import { byKey, plainRows, plainTotals, type Run, within } from '../../../../test/support/plain-costs.js';
import type { CostKey, CostsView } from './cost.dto.js';

interface Step {
  runs: Run[];
  /** Events that the roll-ups read after it. */
  rollUp: number;
}

const MINUTE_MS = 60_000;
/** Days on which clocks change somewhere, and zones whose offset is no whole hour. */
const MIDDLES = ['2026-03-08', '2026-03-29', '2026-04-05', '2026-10-04', '2026-10-25', '2026-11-01', '2026-12-31'];
const ZONES = [
  'UTC',
  'Asia/Kolkata',
  'Asia/Kathmandu',
  'America/St_Johns',
  'Australia/Lord_Howe',
  'America/New_York',
  'Europe/Paris',
  'Pacific/Apia',
];

describe('GET /api/costs', () => {
  let gateway: TestGateway;
  const agents = new Map<string, string>();

  beforeAll(async () => {
    gateway = await startGateway();
    await query(
      `insert into agents (organization_id, id, name) select $1, gen_random_uuid(), unnest(array['ada', 'bob'])`,
      [gateway.db.organizationId],
    );
    for (const { id, name } of await query<{ id: string; name: string }>('select id, name from agents')) {
      agents.set(name, id);
    }
  });
  afterAll(() => gateway.close());

  const query = <Row>(sql: string, parameters: unknown[] = []) =>
    gateway.db.database.inOrganization(gateway.db.organizationId, (tx) => tx.query<Row>(sql, parameters));
  const rollUp = (limit: number) =>
    gateway.db.database.statement('select roll_up_costs($1, $2)', [gateway.db.organizationId, limit]);

  const itemsOf = (workspaceId: string, runs: Run[]) =>
    JSON.stringify(
      runs.map((run) => ({
        workspace_id: workspaceId,
        id: newId(),
        external_id: newId(),
        status: 'succeeded',
        agent_id: agents.get(run.agent),
        model: run.model,
        provider: run.provider,
        trigger: run.trigger,
        cost_nano: run.costNano.toString(),
        input_tokens: run.inputTokens,
        output_tokens: run.outputTokens,
        cache_read_tokens: 0,
        cache_write_tokens: 0,
        reasoning_tokens: 0,
        started_at: run.startedAt,
        budget_ids: [],
        created_by: 'system',
      })),
    );
  const RECORD = `select verdict from record_executions($1, (select policy_version from organizations where id = $1), $2)`;
  const record = (workspaceId: string, runs: Run[]) =>
    gateway.db.database.statement(RECORD, [gateway.db.organizationId, itemsOf(workspaceId, runs)]);

  const costs = async (workspace: string, parameters: Record<string, string>): Promise<CostsView> =>
    bodyOf(
      await gateway.as(gateway.db.ownerKey, workspace).get(`/api/costs?${new URLSearchParams(parameters).toString()}`),
      200,
    );

  const runAround = (middle: number): fc.Arbitrary<Run> =>
    fc.record({
      agent: fc.constantFrom('ada', 'bob'),
      model: fc.constantFrom('small', 'large'),
      provider: fc.constantFrom('here', 'there'),
      trigger: fc.constantFrom('manual', 'cron'),
      startedAt: fc
        .tuple(fc.integer({ min: -400, max: 400 }), fc.constantFrom(0, 1, 14 * 60e6 + 59_999_999, 449_999_123))
        .map(([quarter, micros]) => {
          const at = new Date(middle + quarter * 15 * MINUTE_MS + Math.floor(micros / 1000)).toISOString();
          return at.replace('Z', `${String(micros % 1000).padStart(3, '0')}Z`);
        }),
      inputTokens: fc.integer({ min: 0, max: 1_000_000 }),
      outputTokens: fc.integer({ min: 0, max: 1_000_000 }),
      costNano: fc.bigInt({ min: 0n, max: 10n ** 15n }),
    });

  const scenario = fc.tuple(fc.constantFrom(...MIDDLES), fc.constantFrom(...ZONES)).chain(([day, timezone]) => {
    const middle = Date.parse(`${day}T00:00:00Z`);
    const edge = fc
      .tuple(fc.integer({ min: -300, max: 300 }), fc.constantFrom(0, 0, 1, 7 * MINUTE_MS, 15 * MINUTE_MS - 1))
      .map(([quarter, ms]) => middle + quarter * 15 * MINUTE_MS + ms);
    return fc.record({
      timezone: fc.constant(timezone),
      steps: fc.array(
        fc.record({
          runs: fc.array(runAround(middle), { minLength: 1, maxLength: 15 }),
          rollUp: fc.constantFrom(0, 0, 1, 5, 1_000),
        }) as fc.Arbitrary<Step>,
        { maxLength: 4 },
      ),
      span: fc.tuple(edge, edge).filter(([a, b]) => a !== b),
      groupBy: fc.uniqueArray(
        fc.constantFrom<CostKey>('agent', 'model', 'provider', 'trigger', 'hour', 'day', 'week', 'month'),
        { minLength: 1, maxLength: 2 },
      ),
    });
  });

  it('equals the plain sums over the executions, whatever is rolled up, in every zone and at every edge', async () => {
    await fc.assert(
      fc.asyncProperty(scenario, async ({ timezone, steps, span, groupBy }) => {
        const { id, slug } = await gateway.workspace(`w-${newId()}`);
        for (const step of steps) {
          await record(id, step.runs);
          if (step.rollUp > 0) await rollUp(step.rollUp);
        }
        const from = new Date(Math.min(...span)).toISOString();
        const to = new Date(Math.max(...span)).toISOString();
        const answer = await costs(slug, { from, to, timezone, groupBy: groupBy.join(',') });
        const runs = steps.flatMap((step) => step.runs);
        const before = new Date(2 * Date.parse(from) - Date.parse(to)).toISOString();
        expect(byKey(answer.rows, groupBy)).toEqual(byKey(plainRows(runs, from, to, timezone, groupBy), groupBy));
        expect(answer.totals).toEqual(plainTotals(within(runs, from, to)));
        expect(answer.previous).toEqual({ from: before, to: from, totals: plainTotals(within(runs, before, from)) });
      }),
      { numRuns: 120 },
    );
  });

  it('counts a late commit neither twice nor never, wherever the roll-ups stand', async () => {
    const { id, slug } = await gateway.workspace('late');
    const at = (minute: number): Run => ({ ...SMALL_RUN, startedAt: `2026-06-01T10:${minute}:00.000000Z` });
    const span = { from: '2026-06-01T10:00:00Z', to: '2026-06-01T11:00:00Z' };
    const counted = async () => (await costs(slug, span)).totals.executions;
    const slow = new Client({ connectionString: gateway.db.url, options: '-c role=houston_app' });
    await slow.connect();
    await slow.query('begin');
    await slow.query(RECORD, [gateway.db.organizationId, itemsOf(id, [at(10), at(20)])]);
    await record(id, [at(30)]);
    expect(await counted()).toBe(1);
    await rollUp(1_000);
    expect(await counted()).toBe(1);
    await slow.query('commit');
    expect(await counted()).toBe(3);
    await rollUp(1_000);
    expect(await counted()).toBe(3);
    await rollUp(1_000);
    expect(await counted()).toBe(3);
    const [sums] = await query<{ executions: string }>(
      'select sum(executions)::text as executions from cost_rollups where workspace_id = $1',
      [id],
    );
    expect(sums?.executions).toBe('3');
    await slow.end();
  });

  it('adds up exactly while executions settle, expire and are completed late', async () => {
    const { slug } = await gateway.workspace('busy');
    const owner = gateway.as(gateway.db.ownerKey, slug);
    const admit = async () => {
      const body = { agent: 'ada', model: 'any', estimate: { costUsd: '1' } };
      return bodyOf<{ id: string }>(await owner.post('/api/executions', body), 201).id;
    };
    const [settled, late, silent] = [await admit(), await admit(), await admit()];
    await admit();
    await owner.post(`/api/executions/${settled}/complete`, { status: 'failed', costUsd: '0.1' });
    await query(`update executions set hold_expires_at = now(), cost_nano = 3, input_tokens = 5 where id = any($1)`, [
      [late, silent],
    ]);
    expect((await costs(slug, {})).totals).toEqual(totals(1, 0, '0.1'));
    await gateway.db.database.statement('select expire_holds($1, 10)', [gateway.db.organizationId]);
    expect((await costs(slug, {})).totals).toEqual(totals(3, 10, '0.100000006'));
    await rollUp(1_000);
    const answer = await owner.post(`/api/executions/${late}/complete`, { status: 'succeeded', costUsd: '0.2' });
    expect(answer.body).toMatchObject({ late: true });
    const after = (await costs(slug, {})).totals;
    expect(after.executions).toBe(3);
    expect(after.costUsd).toBe('0.300000003');
    await rollUp(1_000);
    expect((await costs(slug, {})).totals).toEqual(after);
  });

  it('forgets a deleted workspace, also what was not rolled up yet', async () => {
    const { id } = await gateway.workspace('doomed');
    await record(id, [{ ...SMALL_RUN, startedAt: '2028-01-01T00:00:00.000000Z' }]);
    const span = { from: '2027-12-31T23:00:00Z', to: '2028-01-01T01:00:00Z', scope: 'organization' };
    expect((await costs('default', { ...span, groupBy: 'workspace' })).rows).toMatchObject([{ workspace: 'doomed' }]);
    await query('delete from executions where workspace_id = $1', [id]);
    await query('delete from workspaces where id = $1', [id]);
    expect((await costs('default', span)).totals.executions).toBe(0);
    await rollUp(10_000);
    expect(await query('select 1 from cost_rollups where workspace_id = $1', [id])).toEqual([]);
  });

  it('shows one workspace only, unless a key of the whole organization asks for all', async () => {
    const one = await gateway.workspace('one');
    const two = await gateway.workspace('two');
    const startedAt = '2027-02-01T00:00:00.000000Z';
    await record(one.id, [{ ...SMALL_RUN, startedAt }]);
    await record(two.id, [{ ...SMALL_RUN, startedAt }]);
    const span = { from: '2027-01-31', to: '2027-02-02' };
    expect((await costs('one', span)).totals.executions).toBe(1);
    const all = await costs('one', { ...span, scope: 'organization', groupBy: 'workspace,day' });
    expect(all.rows.map((row) => row.workspace).sort()).toEqual(['one', 'two']);
    const bound = gateway.as(await gateway.key({ role: 'admin', workspaceId: one.id }));
    expect((await bound.get('/api/costs?scope=organization')).status).toBe(403);
    expect((await bound.get('/api/costs')).status).toBe(200);
  });

  it.each([
    ['groupBy=colour', 'groupBy'],
    ['groupBy=day,day', 'groupBy'],
    ['groupBy=day,agent,model', 'groupBy'],
    ['groupBy=workspace', 'groupBy'],
    ['from=yesterday', 'from'],
    ['from=2026-02-02&to=2026-02-02', 'from'],
    ['from=0001-01-01', 'from'],
    ['to=9999-01-01', 'to'],
    ['timezone=Mars/Base', 'timezone'],
    ['trigger=whim', 'trigger'],
    ['shape=round', 'shape'],
  ])('refuses ?%s and names the fault', async (parameters, path) => {
    const answer = await gateway.owner.get(`/api/costs?${parameters}`);
    expect([answer.status, (answer.body as { errors: { path: string }[] }).errors[0]?.path]).toEqual([422, path]);
  });

  it('answers the last 30 days by day when asked for nothing in particular, and zero for an unknown agent', async () => {
    const answer = await costs('default', {});
    expect(answer.groupBy).toEqual(['day']);
    expect(Date.parse(answer.to) - Date.parse(answer.from)).toBe(30 * 24 * 60 * MINUTE_MS);
    expect((await costs('busy', { agent: 'nobody' })).totals).toEqual(totals(0, 0, '0'));
    expect((await costs('busy', { agent: 'ada' })).totals.executions).toBe(3);
  });

  it('is not for agents', async () => {
    const agent = gateway.as(await gateway.key({ role: 'agent' }));
    expect((await agent.get('/api/costs')).status).toBe(403);
  });
});

const SMALL_RUN: Omit<Run, 'startedAt'> = {
  agent: 'ada',
  model: 'small',
  provider: 'here',
  trigger: 'manual',
  inputTokens: 1,
  outputTokens: 2,
  costNano: 3n,
};

function totals(executions: number, inputTokens: number, costUsd: string) {
  return { executions, inputTokens, outputTokens: 0, costUsd };
}
