import { mayDo, type Permission, PERMISSIONS, ROLES } from '@houston/common/auth/roles.js';
import supertest from 'supertest';
import { type ApiRoute, apiRoutes, call } from '../support/api-routes.js';
import { type ApiClient, startGateway, type TestGateway } from '../support/gateway.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';
const NONSENSE = { nonsense: true };
/** Answers as long as the caller listens. */
const ENDLESS = ['GET /api/events/stream'];
/** Open to every key. */
const FOR_ANY_KEY = ['GET /api/me'];

/** Decided by hand, so that a route that changes hands is noticed here. */
const DECIDED: Record<string, Permission> = {
  'POST /api/workspaces': 'workspaces:write',
  'GET /api/workspaces': 'workspaces:read',
  'GET /api/workspaces/{id}': 'workspaces:read',
  'PATCH /api/workspaces/{id}': 'workspaces:write',
  'DELETE /api/workspaces/{id}': 'workspaces:write',
  'POST /api/keys': 'keys:write',
  'GET /api/keys': 'keys:read',
  'DELETE /api/keys/{id}': 'keys:write',
  'POST /api/agents': 'agents:write',
  'GET /api/agents': 'agents:read',
  'GET /api/agents/{id}': 'agents:read',
  'PATCH /api/agents/{id}': 'agents:write',
  'GET /api/prices': 'prices:read',
  'PUT /api/prices/{provider}/{model}': 'prices:write',
  'DELETE /api/prices/{provider}/{model}': 'prices:write',
  'POST /api/budgets': 'budgets:write',
  'GET /api/budgets': 'budgets:read',
  'GET /api/budgets/{id}': 'budgets:read',
  'PATCH /api/budgets/{id}': 'budgets:write',
  'DELETE /api/budgets/{id}': 'budgets:write',
  'POST /api/budgets/{id}/freeze': 'budgets:write',
  'POST /api/budgets/{id}/unfreeze': 'budgets:write',
  'POST /api/executions': 'executions:write',
  'POST /api/executions/record': 'executions:write',
  'GET /api/executions': 'executions:read',
  'GET /api/executions/{id}': 'executions:read',
  'PATCH /api/executions/{id}': 'executions:write',
  'POST /api/executions/{id}/complete': 'executions:write',
  'POST /api/executions/{id}/cancel': 'executions:write',
};

describe('roles', () => {
  let gateway: TestGateway;
  let routes: ApiRoute[];

  beforeAll(async () => {
    gateway = await startGateway();
    routes = await apiRoutes(gateway.url);
  });
  afterAll(() => gateway.close());

  const parametersOf = (route: ApiRoute) => Object.fromEntries(route.parameters.map((name) => [name, SOME_ID]));
  const ask = (client: ApiClient, route: ApiRoute) => call(client, route, parametersOf(route), NONSENSE);

  it('are named by every route but those for any key', () => {
    expect(routes.length).toBeGreaterThanOrEqual(Object.keys(DECIDED).length);
    const unnamed = routes.filter((route) => route.permission === undefined).map((route) => route.name);
    expect(unnamed).toEqual(FOR_ANY_KEY);
    const named = Object.fromEntries(routes.map((route) => [route.name, route.permission]));
    expect(named).toMatchObject(DECIDED);
  });

  it.each(ROLES)('%s is refused what it may not do before its body is looked at, and nothing else', async (role) => {
    const client = gateway.as(await gateway.key({ role }));
    const refused = [];
    for (const route of routes.filter(({ permission }) => permission && !mayDo(role, permission))) {
      const answer = await ask(client, route);
      refused.push([route.name, answer.status, (answer.body as { code: string }).code]);
    }
    expect(refused.filter(([, status, code]) => status !== 403 || code !== 'forbidden')).toEqual([]);
    const allowed = [];
    for (const route of routes.filter(({ permission }) => !permission || mayDo(role, permission))) {
      if (!ENDLESS.includes(route.name)) allowed.push([route.name, (await ask(client, route)).status]);
    }
    expect(allowed.filter(([, status]) => [401, 403].includes(status as number))).toEqual([]);
    expect(allowed.filter(([, status]) => (status as number) >= 500)).toEqual([]);
  });

  it('stand behind a key: without a valid one every route answers the same', async () => {
    for (const [index, route] of routes.entries()) {
      const missing = await call(
        gateway.as(`hou_${'x'.repeat(12)}_${index}_${'y'.repeat(30)}`),
        route,
        parametersOf(route),
      );
      expect([route.name, [401, 429].includes(missing.status)]).toEqual([route.name, true]);
    }
    const bare = await supertest(gateway.url).get('/api/budgets');
    expect([401, 429]).toContain(bare.status);
  });

  it('only ever grow from viewer to owner', () => {
    for (const permission of Object.keys(PERMISSIONS) as Permission[]) {
      expect(mayDo('owner', permission)).toBe(true);
      if (mayDo('member', permission)) expect([permission, mayDo('admin', permission)]).toEqual([permission, true]);
    }
  });
});
