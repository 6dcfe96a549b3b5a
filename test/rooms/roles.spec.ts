import { mayDo, type Permission, PERMISSIONS, type Role, ROLES } from '@houston/common/auth/roles.js';
import supertest from 'supertest';
import { type ApiRoute, apiRoutes, call } from '../support/api-routes.js';
import { type ApiClient, startGateway, type TestGateway } from '../support/gateway.js';
import { type PermissionLine, permissionLines } from '../support/permission-table.js';

const SOME_ID = '0199aaaa-0000-7000-8000-000000000001';
const NONSENSE = { nonsense: true };
/** Answers as long as the caller listens. */
const ENDLESS = ['GET /api/events/stream'];

/** Decided by hand, so that a route that changes hands is noticed here; so are those for everybody. */
const DECIDED: Record<string, string> = {
  'GET /api/me': 'any key',
  'POST /api/workspaces': 'workspaces:write',
  'GET /api/workspaces': 'workspaces:read',
  'GET /api/workspaces/{id}': 'workspaces:read',
  'PATCH /api/workspaces/{id}': 'workspaces:write',
  'DELETE /api/workspaces/{id}': 'workspaces:write',
  'POST /api/keys': 'keys:write',
  'GET /api/keys': 'keys:read',
  'DELETE /api/keys/{id}': 'keys:write',
  'POST /api/members': 'members:write',
  'GET /api/members': 'members:read',
  'GET /api/members/{id}': 'members:read',
  'PATCH /api/members/{id}': 'members:write',
  'DELETE /api/members/{id}': 'members:write',
  'POST /api/members/{id}/invitation': 'members:write',
  'POST /api/invitations/accept': 'none',
  'GET /api/standups': 'standups:read',
  'GET /api/standups/preview': 'standups:read',
  'GET /api/standups/{id}': 'standups:read',
  'POST /api/standups/send': 'standups:send',
  'GET /api/activities': 'events:read',
  'GET /api/office/graph': 'dashboard:read',
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
const FOR_ANY_KEY = ['GET /api/me'];
const WITHOUT_KEY = [
  'POST /api/invitations/accept',
  'POST /api/slack/interactions',
  'GET /api/unsubscribe/{token}',
  'POST /api/unsubscribe/{token}',
];

describe('roles', () => {
  let gateway: TestGateway;
  let routes: ApiRoute[];
  /** By route. */
  let documented: Map<string, PermissionLine>;

  beforeAll(async () => {
    gateway = await startGateway();
    routes = await apiRoutes(gateway.url);
    documented = new Map(permissionLines().map((line) => [line.name, line]));
  });
  afterAll(() => gateway.close());

  const parametersOf = (route: ApiRoute) => Object.fromEntries(route.parameters.map((name) => [name, SOME_ID]));
  const ask = (client: ApiClient, route: ApiRoute) => call(client, route, parametersOf(route), NONSENSE);
  const may = (role: Role, route: ApiRoute) => documented.get(route.name)?.may.includes(role) ?? false;
  const namesOf = (permission: string) =>
    [...documented.values()]
      .filter((line) => line.name.includes(' /api/') && line.permission === permission)
      .map((line) => line.name);

  it('are told by docs/permissions.md for every route there is, and for none that there is not', () => {
    const lines = [...documented.keys()].filter((name) => name.includes(' /api/'));
    expect(lines.sort()).toEqual(routes.map((route) => route.name).sort());
    const named = Object.fromEntries([...documented.values()].map((line) => [line.name, line.permission]));
    expect(named).toMatchObject(DECIDED);
    expect(namesOf('any key')).toEqual(FOR_ANY_KEY);
    expect(namesOf('none')).toEqual(WITHOUT_KEY);
  });

  it('are told by x-roles of every operation as they are by the documentation and the table of permissions', () => {
    for (const { name, permission, roles } of routes) {
      expect([name, roles]).toEqual([name, documented.get(name)?.may]);
      if (permission) expect([name, roles]).toEqual([name, [...PERMISSIONS[permission]]]);
    }
  });

  it.each(ROLES)('%s is refused what it may not do before its body is looked at, and nothing else', async (role) => {
    const client = gateway.as(await gateway.key({ role }));
    const refused = [];
    for (const route of routes.filter((one) => !may(role, one))) {
      const answer = await ask(client, route);
      refused.push([route.name, answer.status, (answer.body as { code: string }).code]);
    }
    expect(refused.filter(([, status, code]) => status !== 403 || code !== 'forbidden')).toEqual([]);
    const allowed = [];
    for (const route of routes.filter((one) => may(role, one) && !WITHOUT_KEY.includes(one.name))) {
      if (!ENDLESS.includes(route.name)) allowed.push([route.name, (await ask(client, route)).status]);
    }
    expect(allowed.filter(([, status]) => [401, 403].includes(status as number))).toEqual([]);
    expect(allowed.filter(([, status]) => (status as number) >= 500)).toEqual([]);
  });

  it('are judged before anybody learns whether the workspace exists that was asked for', async () => {
    const viewer = await gateway.key({ role: 'viewer' });
    const client = (key: string) => gateway.as(key, 'there-is-none');
    expect((await client(viewer).post('/api/budgets', NONSENSE)).status).toBe(403);
    expect((await client(viewer).get('/api/budgets')).status).toBe(404);
    expect((await client(gateway.db.ownerKey).post('/api/budgets', NONSENSE)).status).toBe(404);
  });

  it('stand behind a key: without a valid one every route answers the same', async () => {
    for (const [index, route] of routes.entries()) {
      if (WITHOUT_KEY.includes(route.name)) continue;
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
