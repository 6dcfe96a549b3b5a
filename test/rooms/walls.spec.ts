import { bootFaults } from '@houston/common/db/boot-check.js';
import type { WorkspaceScope } from '@houston/common/db/database.js';
import { SHARED_TABLES, TENANT_TABLES } from '@houston/common/db/tenant-tables.js';
import { DataSource } from 'typeorm';
import { v7 as newId } from 'uuid';
import { type ApiRoute, apiRoutes, call } from '../support/api-routes.js';
import { administer, openTestDatabase } from '../support/database.js';
import { type ApiClient, bodyOf, startGateway, type TestGateway } from '../support/gateway.js';
import { inhabit, type Inhabited } from '../support/inhabited-workspace.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';
const SOME_LEASE = { id: SOME_ID, fence: 1 };
/** Agents belong to the organization and are known in all its workspaces. */
const SHARED_BY_ALL = '/api/agents';
/** Answers as long as the caller listens; its walls are tested beside it. */
const BY_WEBSOCKET = '/api/agents/connect';
const ENDLESS = '/api/events/stream';

/** About the whole organization: a key that is bound to a workspace is refused. */
const OF_ORGANIZATION = '/api/audit/verify';

/** They answer with figures or a picture, not with a page. */
const UNPAGED = ['/api/me', '/api/costs', '/api/approvals/metrics', '/api/office/graph'];

/** Bodies that pass validation, so that the id is what is refused. */
const BODIES: Record<string, Record<string, unknown>> = {
  'PATCH /api/executions/{id}': { usage: { inputTokens: 1, outputTokens: 1 } },
  'POST /api/executions/{id}/complete': { status: 'failed' },
  'POST /api/budgets/{id}/freeze': { reason: 'x' },
  'PUT /api/members/{id}/preferences': { rules: [] },
  'POST /api/executions/{id}/request-raise': { amountUsd: '1', reason: 'x', untilMinutes: 1 },
  'POST /api/budgets/{id}/request-unfreeze': { reason: 'x' },
  'POST /api/approvals/{id}/resolve': { decision: 'approve' },
  'POST /api/approvals/{id}/delegate': { to: { role: 'owner' } },
  'POST /api/tasks/{id}/transition': { to: 'blocked', blockerReason: 'x' },
  'POST /api/tasks/{id}/messages': { body: 'x' },
  'POST /api/tasks/{id}/heartbeat': { lease: SOME_LEASE },
  'POST /api/tasks/{id}/complete': { lease: SOME_LEASE, result: 'x' },
  'POST /api/tasks/{id}/fail': { lease: SOME_LEASE, kind: 'permanent', error: 'x' },
  'POST /api/tasks/{id}/block': { lease: SOME_LEASE, blockerReason: 'x' },
  'POST /api/tasks/{id}/release': { lease: SOME_LEASE },
};

describe('the walls between workspaces', () => {
  let gateway: TestGateway;
  let routes: ApiRoute[];
  let here: Inhabited;
  let there: Inhabited;

  beforeAll(async () => {
    gateway = await startGateway();
    routes = await apiRoutes(gateway.url);
    here = await inhabit(gateway, 'walled-here');
    there = await inhabit(gateway, 'walled-there');
  });
  afterAll(() => gateway.close());

  describe('over HTTP', () => {
    const withIds = () =>
      routes.filter(
        ({ path, parameters }) => parameters.some((name) => /id$/i.test(name)) && !path.startsWith(SHARED_BY_ALL),
      );
    const thingsOf = ({ path }: ApiRoute): Record<string, string> => {
      const things = there.things[path.split('/')[2]!];
      if (!things) throw new Error(`No test knows a thing to ask ${path} for: add one to inhabit()`);
      return things;
    };
    const missing = (things: Record<string, string>) =>
      Object.fromEntries(Object.keys(things).map((name) => [name, SOME_ID]));

    it('every route that takes an id answers to a foreign one as to a missing one, byte for byte', async () => {
      expect(withIds().length).toBeGreaterThan(20);
      for (const route of withIds()) {
        const things = thingsOf(route);
        const ask = (values: Record<string, string>) =>
          call(here.client, route, values, BODIES[route.name], { 'x-request-id': 'same' });
        const [foreign, absent] = [await ask(things), await ask(missing(things))];
        expect([route.name, foreign.status]).toEqual([route.name, 404]);
        const neutral = Object.values(things).reduce((text, id) => text.replaceAll(id, SOME_ID), foreign.text);
        expect([route.name, neutral]).toEqual([route.name, absent.text]);
      }
    });

    it('a key of the organization that speaks in one workspace meets the same walls', async () => {
      const client = gateway.as(gateway.db.ownerKey, here.slug);
      const ofOrganization = /^\/api\/(keys|workspaces)\//;
      for (const route of withIds().filter(({ path }) => !ofOrganization.test(path))) {
        expect([route.name, (await call(client, route, thingsOf(route), BODIES[route.name])).status]).toEqual([
          route.name,
          404,
        ]);
      }
    });

    it('and what was asked for so is still there, unchanged', async () => {
      const budget = bodyOf(await there.client.get(`/api/budgets/${there.things.budgets!.id}`), 200);
      expect(budget).toMatchObject({ name: 'of walled-there', frozen: null });
      const execution = bodyOf(await there.client.get(`/api/executions/${there.things.executions!.id}`), 200);
      expect(execution).toMatchObject({ status: 'admitted' });
      for (const route of withIds().filter(({ method }) => method === 'get')) {
        expect([route.name, (await call(there.client, route, thingsOf(route))).status]).toEqual([route.name, 200]);
      }
    });

    it('no list shows anything of another', async () => {
      const lists = routes.filter(
        ({ method, parameters, path }) =>
          method === 'get' && parameters.length === 0 && ![ENDLESS, BY_WEBSOCKET].includes(path),
      );
      for (const wide of [OF_ORGANIZATION, '/api/costs?scope=organization&groupBy=workspace']) {
        expect([wide, (await here.client.get(wide)).status]).toEqual([wide, 403]);
      }
      expect(lists.length).toBeGreaterThan(6);
      const secrets = [
        there.slug,
        there.workspaceId,
        ...Object.values(there.things).flatMap((things) => Object.values(things)),
      ];
      for (const { path } of lists.filter((route) => ![SHARED_BY_ALL, OF_ORGANIZATION].includes(route.path))) {
        const query = UNPAGED.includes(path) ? '' : '?limit=200';
        const [mine, theirs] = [await here.client.get(path + query), await there.client.get(path + query)];
        expect([path, mine.status, theirs.status]).toEqual([path, 200, 200]);
        expect([path, secrets.filter((secret) => mine.text.includes(secret))]).toEqual([path, []]);
      }
    });

    it('400 requests at once, of all workspaces mixed, each see their own alone', async () => {
      const inhabited = [here, there, await inhabit(gateway, 'walled-third'), await inhabit(gateway, 'walled-fourth')];
      const slugs = inhabited.map(({ slug }) => slug);
      const run = { agent: 'mixed', model: 'gpt-4o', estimate: { costUsd: '0.000001' } };
      const kinds: ((one: Inhabited, client: ApiClient) => ReturnType<ApiClient['get']>)[] = [
        (one, client) => client.post('/api/executions', { ...run, tags: { of: one.slug } }),
        (_, client) => client.get('/api/executions?limit=50'),
        (_, client) => client.get('/api/budgets'),
        (_, client) => client.get('/api/events?limit=100'),
        (one, client) => client.get(`/api/executions/${one.things.executions!.id}`),
        (_, client) => client.get('/api/workspaces'),
        (_, client) => client.get('/api/webhooks'),
        (_, client) => client.get('/api/me'),
      ];
      const asked = Array.from({ length: 400 }, (_, n) => {
        const one = inhabited[n % inhabited.length]!;
        const kind = Math.floor(n / inhabited.length) % kinds.length;
        const wide = kind !== 5 && n % 3 === 0;
        return { one, answer: kinds[kind]!(one, wide ? gateway.as(gateway.db.ownerKey, one.slug) : one.client) };
      });
      const answers = await Promise.all(asked.map(async ({ one, answer }) => ({ one, answer: await answer })));
      const wrong = answers.filter(({ answer }) => ![200, 201].includes(answer.status));
      expect(wrong.map(({ answer }) => answer.text)).toEqual([]);
      const leaks = answers.filter(({ one, answer }) =>
        slugs.some((slug) => slug !== one.slug && answer.text.includes(slug)),
      );
      expect(leaks.map(({ one, answer }) => [one.slug, answer.text])).toEqual([]);
    });
  });

  describe('in Postgres', () => {
    it('stand around every table: forced, for reading and for writing, for the application alone', async () => {
      const tables = await administer(gateway.db.url, async (client) => {
        const { rows } = await client.query<{ name: string; forced: boolean; policies: string[] }>(
          `select c.relname as name, c.relrowsecurity and c.relforcerowsecurity as forced,
                  array(select format('%s using %s check %s', p.polcmd, p.polqual is not null, p.polwithcheck is not null)
                          from pg_policy p where p.polrelid = c.oid) as policies
             from pg_class c where c.relkind in ('r', 'p') and c.relnamespace = 'public'::regnamespace`,
        );
        return rows;
      });
      expect(tables.map(({ name }) => name).sort()).toEqual(
        [...Object.keys(TENANT_TABLES), ...Object.keys(SHARED_TABLES)].sort(),
      );
      const walled = tables.filter(({ name }) => name in TENANT_TABLES);
      for (const { name, forced, policies } of walled) {
        expect([name, forced, policies]).toEqual([name, true, ['* using t check t']]);
      }
    });

    it('hide the rows of another workspace from every statement that forgot to ask', async () => {
      const seenBy = async (scope: WorkspaceScope, table: string, of: string) => {
        const [row] = await gateway.db.database.inWorkspace(scope, (tx) =>
          tx.query<{ count: number }>(`select count(*)::int from ${table} where to_jsonb(${table}) ->> $1 = $2`, [
            table === 'workspaces' ? 'id' : 'workspace_id',
            of,
          ]),
        );
        return row!.count;
      };
      const filled: string[] = [];
      for (const [table, wall] of Object.entries(TENANT_TABLES)) {
        if (wall === 'organization') continue;
        if ((await seenBy(there, table, there.workspaceId)) > 0) filled.push(table);
        expect([table, await seenBy(here, table, there.workspaceId)]).toEqual([table, 0]);
      }
      expect(filled).toEqual(
        expect.arrayContaining([
          'workspaces',
          'api_keys',
          'budgets',
          'budget_windows',
          'executions',
          'events',
          'deliveries',
          'tasks',
        ]),
      );
    });

    it('neither change nor delete nor plant a row of another workspace', async () => {
      const { database } = gateway.db;
      const changed = await database.inWorkspace(here, (tx) =>
        tx.query("update budgets set name = 'stolen' where workspace_id = $1 returning id", [there.workspaceId]),
      );
      const deleted = await database.inWorkspace(here, (tx) =>
        tx.query('delete from executions where workspace_id = $1 returning id', [there.workspaceId]),
      );
      expect([changed, deleted]).toEqual([[], []]);
      const planted = database.inWorkspace(here, (tx) =>
        tx.query(
          `insert into price_overrides (organization_id, workspace_id, provider, model, input_nano_per_mtok, output_nano_per_mtok)
           values ($1, $2, 'p', 'm', 0, 0)`,
          [there.organizationId, there.workspaceId],
        ),
      );
      await expect(planted).rejects.toThrow(/row-level security/);
      const moved = database.inWorkspace(here, (tx) =>
        tx.query('update budgets set workspace_id = $1 where workspace_id = $2', [there.workspaceId, here.workspaceId]),
      );
      await expect(moved).rejects.toThrow(/row-level security/);
    });

    it('are missed at boot when one is down, by its name, and so is a role that could take one down', async () => {
      const other = await openTestDatabase();
      await administer(other.url, (client) => client.query('alter table executions disable row level security'));
      expect(await bootFaults(other.dataSource)).toEqual([expect.stringMatching(/table executions lacks/)]);
      const [login] = await administer(other.url, async (client) => {
        const name = `owner_${newId().replaceAll('-', '')}`;
        await client.query(`create role ${name} login password 'p' nosuperuser; grant houston_app to ${name}`);
        await client.query(`alter table budgets owner to ${name}; grant all on schema public to ${name}`);
        return [name];
      });
      const url = new URL(other.url);
      [url.username, url.password] = [login, 'p'];
      const asOwner = await new DataSource({ type: 'postgres', url: url.href }).initialize();
      expect(await bootFaults(asOwner)).toEqual(expect.arrayContaining([expect.stringMatching(/owns tables/)]));
      await asOwner.destroy();
      await administer(other.url, (client) => client.query(`drop owned by ${login} cascade; drop role ${login}`));
      await other.close();
    });
  });
});
