import supertest from 'supertest';
import { type ApiRoute, apiRoutes, call } from '../support/api-routes.js';
import { bodyOf, startGateway, type TestGateway } from '../support/gateway.js';

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  type?: string;
  example?: unknown;
  default?: unknown;
  enum?: unknown[];
  required?: string[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

interface Document {
  paths: Record<string, Record<string, Operation>>;
  components: { schemas: Record<string, Schema> };
}

interface Operation {
  parameters?: { name: string; in: string }[];
  requestBody?: { content: Record<string, { schema: Schema }> };
}

const BAD = '@bad@';
/** Where the examples of required fields do not yet make a valid body. */
const VALID: Record<string, Record<string, unknown>> = {
  'POST /api/executions': { estimate: { costUsd: '0.000001' } },
  'POST /api/executions/record': {
    items: [{ agent: 'a', model: 'm', externalId: 'e', startedAt: '2026-01-01T00:00:00Z', costUsd: '1' }],
  },
  'POST /api/executions/{id}/complete': { costUsd: '1' },
};

/** As JSON text, because some of it no JavaScript value can say. */
const BAD_VALUES = [
  ...['null', 'true', '-1', '0.1', '1e308', '9007199254740993', '[]', '{}', '""', '[null]', '[[[]]]', '{"a":null}'],
  ...['"NaN"', '"-1"', '"1e400"', '"\\u0000"', '"\\ud800"', '{"__proto__":{"x":1}}', '{"constructor":1}'],
  `"${'x'.repeat(20_000)}"`,
  `"${'9'.repeat(60)}"`,
];
const BAD_QUERIES = ['', '%00', '%ff', '-1', '1e9', 'NaN', 'null', "'", '%F0%9F%98%80', 'x'.repeat(600), '2026-02-30'];

/** Requests on their way. */
const AT_ONCE = 16;

describe('bad input', () => {
  let gateway: TestGateway;
  let routes: ApiRoute[];
  let document: Document;
  /** Of a real thing where one is needed to get past the 404. */
  let ids: Record<string, string>;

  beforeAll(async () => {
    gateway = await startGateway();
    routes = await apiRoutes(gateway.url);
    document = (await supertest(gateway.url).get('/docs-json').expect(200)).body as Document;
    const made = async (path: string, body: object) =>
      bodyOf<{ id: string }>(await gateway.owner.post(path, body), 201).id;
    const run = { agent: 'a', model: 'm', estimate: { costUsd: '1' }, holdSeconds: 86_400 };
    ids = {
      executions: await made('/api/executions', run),
      budgets: await made('/api/budgets', { name: 'b', limitUsd: '1000', period: 'total', scope: { tag: { a: 'b' } } }),
      agents: await made('/api/agents', { name: 'edited' }),
      workspaces: await made('/api/workspaces', { name: 'edited' }),
      tasks: await made('/api/tasks', { title: 'discussed' }),
      members: await made('/api/members', { email: 'edited@example.com', name: 'Edited', role: 'viewer' }),
      documents: await made('/api/documents', { type: 'note', title: 'edited', body: '' }),
      'message-templates': await made('/api/message-templates', { name: 'edited', body: 'x' }),
    };
  });
  afterAll(() => gateway.close());

  const operationOf = ({ path, method }: ApiRoute) => document.paths[path]![method]!;
  const resolve = (schema: Schema): Schema => {
    const name = (schema.$ref ?? schema.allOf?.[0]?.$ref)?.split('/').at(-1);
    return name === undefined ? schema : document.components.schemas[name]!;
  };
  const exampleOf = (schema: Schema): unknown => {
    if (schema.example !== undefined) return schema.example;
    const { properties, enum: values, items, default: standard } = resolve(schema);
    if (standard !== undefined) return standard;
    if (values) return values[0];
    if (items) return [exampleOf(items)];
    return properties ? bodyOfSchema(schema) : 'x';
  };
  const bodyOfSchema = (schema: Schema): Record<string, unknown> => {
    const { properties = {}, required = [] } = resolve(schema);
    return Object.fromEntries(required.map((name) => [name, exampleOf(properties[name]!)]));
  };
  /** Valid bodies in which one field, at any depth, is bad. */
  const spoiled = (route: ApiRoute, schema: Schema): string[] => {
    const body = { ...bodyOfSchema(schema), ...VALID[route.name] };
    return Object.entries(resolve(schema).properties ?? {}).flatMap(([field, property]) => {
      const inner = resolve(property.items ?? property).properties ?? {};
      const item = typeof body[field] === 'object' ? [body[field]].flat()[0] : {};
      const nested = Object.keys(inner).map((name) => ({ ...(item as object), [name]: BAD }));
      const bodies = [BAD, ...nested.map((one) => (property.items ? [one] : one))];
      const texts = bodies.map((value) => JSON.stringify({ ...body, [field]: value }));
      return texts.flatMap((text) => BAD_VALUES.map((value) => text.replace(`"${BAD}"`, value)));
    });
  };
  const isAnswered = (status: number) => status < 500;

  it('in any field of any body is never a fault of ours', async () => {
    const failures: unknown[] = [];
    const asks = routes.flatMap((route) => {
      const schema = operationOf(route).requestBody?.content['application/json']?.schema;
      return schema ? spoiled(route, schema).map((text) => ({ route, text })) : [];
    });
    const ask = async ({ route, text }: (typeof asks)[number]) => {
      const answer = await sendText(route, text);
      if (!isAnswered(answer.status)) failures.push([route.name, text.slice(0, 200), answer.text]);
    };
    expect(asks.length).toBeGreaterThan(1_500);
    for (let from = 0; from < asks.length; from += AT_ONCE) {
      await Promise.all(asks.slice(from, from + AT_ONCE).map(ask));
    }
    expect(failures).toEqual([]);
  }, 600_000);

  it('in any parameter of any query is never a fault of ours', async () => {
    const failures: unknown[] = [];
    for (const route of routes.filter(({ method, path }) => method === 'get' && !path.endsWith('/stream'))) {
      const names = (operationOf(route).parameters ?? []).filter((one) => one.in === 'query').map((one) => one.name);
      for (const name of names) {
        for (const value of BAD_QUERIES) {
          const url = `${route.path.replace(/\{\w+\}/g, '0199aaaa-0000-7000-8000-000000000001')}?${name}=${value}`;
          const answer = await gateway.owner.get(url);
          if (!isAnswered(answer.status)) failures.push([url, answer.text]);
        }
      }
    }
    expect(failures).toEqual([]);
  }, 300_000);

  it('in the path is never a fault of ours', async () => {
    const failures: unknown[] = [];
    for (const route of routes.filter(({ parameters }) => parameters.length > 0)) {
      for (const value of ['\u0000', '..', 'null', "'", '😀', 'x'.repeat(450)]) {
        const values = Object.fromEntries(route.parameters.map((name) => [name, value]));
        const answer = await call(gateway.owner, route, values, { reason: 'x', status: 'failed', usage: {} });
        if (!isAnswered(answer.status)) failures.push([route.name, value, answer.text]);
      }
    }
    expect(failures).toEqual([]);
  }, 60_000);

  it('that is no JSON object is named as such, on every route that reads a body', async () => {
    for (const route of routes.filter((one) => operationOf(one).requestBody)) {
      const statuses = [];
      for (const text of ['{', '[]', '"text"', 'NaN', '['.repeat(100_000)])
        statuses.push((await sendText(route, text)).status);
      expect([route.name, statuses]).toEqual([route.name, [400, 400, 400, 400, 400]]);
      expect([route.name, (await sendText(route, 'a=1', 'text/plain')).status]).toEqual([route.name, 415]);
    }
  });

  it('of 50 MB is refused without being read to the end', async () => {
    const answer = await sendText(
      routes.find((one) => one.name === 'POST /api/budgets')!,
      'x'.repeat(50_000_000),
    ).catch((error: NodeJS.ErrnoException) => ({
      status: error.code === 'EPIPE' || error.code === 'ECONNRESET' ? 413 : 0,
    }));
    expect(answer.status).toBe(413);
    bodyOf(await gateway.owner.get('/api/me'), 200);
  });

  function sendText({ method, path }: ApiRoute, text: string, type = 'application/json') {
    const url = path.replace(/\{\w+\}/g, ids[path.split('/')[2]!] ?? '0199aaaa-0000-7000-8000-000000000001');
    const headers = { 'content-type': type };
    if (method === 'delete') return gateway.owner.delete(url, headers).send(text);
    return gateway.owner[method as 'post' | 'put' | 'patch'](url, text, headers);
  }
});
