import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { ROLES } from '@houston/common/auth/roles.js';
import type { OpenAPIObject } from '@nestjs/swagger';
import supertest from 'supertest';
import { startGateway, type TestGateway } from '../support/gateway.js';

interface Answer {
  description?: string;
  content?: Record<string, { schema?: object; examples?: object }>;
}

interface Operation {
  summary?: string;
  tags?: string[];
  responses: Record<string, Answer>;
  security?: object[];
  parameters?: { name: string; in: string }[];
  requestBody?: { content?: Record<string, { schema?: object }> };
  'x-roles'?: string[];
  'x-public'?: boolean;
}

interface Route {
  name: string;
  method: string;
  operation: Operation;
}

describe('the OpenAPI document', () => {
  let gateway: TestGateway;
  let document: OpenAPIObject;
  let routes: Route[];

  beforeAll(async () => {
    gateway = await startGateway();
    document = (await supertest(gateway.url).get('/docs-json').expect(200)).body as OpenAPIObject;
    routes = Object.entries(document.paths).flatMap(([url, item]) =>
      Object.entries(item as Record<string, Operation>).map(([method, operation]) => ({
        name: `${method.toUpperCase()} ${url}`,
        method,
        operation,
      })),
    );
  });
  afterAll(() => gateway.close());

  /** Names of the routes that break a rule. */
  const breaking = (rule: (operation: Operation, route: Route) => boolean) =>
    routes.filter((route) => !rule(route.operation, route)).map((route) => route.name);
  const successes = ({ responses }: Operation) =>
    Object.entries(responses).filter(([status]) => /^(101|2..)$/.test(status));

  it('knows the routes of every room', () => {
    expect(routes.map((route) => route.name)).toEqual(
      expect.arrayContaining(['POST /api/executions', 'GET /api/costs', 'GET /api/events', 'POST /api/ledger/verify']),
    );
  });

  it('has a summary for every route', () => {
    expect(breaking((operation) => (operation.summary ?? '').length > 0)).toEqual([]);
  });

  it('puts every route into one group that is introduced, and introduces none that is empty', () => {
    const used = routes.map((route) => route.operation.tags ?? []);
    expect(used.filter((tags) => tags.length !== 1)).toEqual([]);
    const introduced = document.tags?.filter((tag) => (tag.description ?? '') !== '').map((tag) => tag.name) ?? [];
    expect([...new Set(used.flat())].sort()).toEqual([...introduced].sort());
  });

  it('shows what every route answers when all is well', () => {
    const isShown = ([status, answer]: [string, Answer]) =>
      status === '204' || Object.values(answer.content ?? {}).some((content) => content.schema !== undefined);
    expect(breaking((operation) => successes(operation).length > 0 && successes(operation).every(isShown))).toEqual([]);
  });

  it('shows the problems of every route that needs a key, each with an example', () => {
    const isProblem = (answer: Answer | undefined) =>
      Object.keys(answer?.content?.['application/problem+json']?.examples ?? {}).length > 0;
    const rule = ({ responses, ...operation }: Operation) =>
      operation['x-public'] === true || ['401', '403', '422', '503'].every((status) => isProblem(responses[status]));
    expect(breaking(rule)).toEqual([]);
  });

  it('says who may use every route that needs a key, and asks for the key', () => {
    const rule = (operation: Operation) => {
      if (operation['x-public'] === true) return operation.security === undefined;
      const roles = operation['x-roles'] ?? [];
      const areKnown = roles.length > 0 && roles.every((role) => (ROLES as readonly string[]).includes(role));
      return areKnown && operation.security?.length === 1;
    };
    expect(breaking(rule)).toEqual([]);
  });

  it('does not take keys for tokens of another kind', () => {
    expect(JSON.stringify(document.components?.securitySchemes)).not.toContain('JWT');
  });

  it('leaves nothing public but health, metrics, and what presents a secret of its own', () => {
    const open = routes.filter((route) => route.operation['x-public'] === true).map((route) => route.name);
    const signed = [
      'GET /api/unsubscribe/{token}',
      'POST /api/invitations/accept',
      'POST /api/slack/interactions',
      'POST /api/unsubscribe/{token}',
    ];
    expect(open.filter((name) => !/^GET \/(health|metrics)/.test(name)).sort()).toEqual(signed);
  });

  it('offers Idempotency-Key on every POST and X-Workspace on every route of the API', () => {
    const takes = (operation: Operation, name: string) =>
      operation.parameters?.some((one) => one.name === name) ?? false;
    expect(breaking((operation, { method }) => method !== 'post' || takes(operation, 'Idempotency-Key'))).toEqual([]);
    expect(breaking((operation, { name }) => !name.includes(' /api/') || takes(operation, 'X-Workspace'))).toEqual([]);
  });

  it('gives an example in every body that it asks for', () => {
    const rule = ({ requestBody }: Operation) => {
      const schema = requestBody?.content?.['application/json']?.schema;
      return requestBody === undefined || /"(example|enum|default)":/.test(withReferences(schema));
    };
    expect(breaking(rule)).toEqual([]);
  });

  it('refers to nothing that it does not contain', () => {
    const names = [...JSON.stringify(document).matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]);
    expect(names.filter((name) => !(name! in (document.components?.schemas ?? {})))).toEqual([]);
  });

  it('knows every body and answer by a name of its own, so that none is shown in the place of another', () => {
    const sources = path.join(__dirname, '..', '..', 'apps', 'gateway', 'src');
    const files = readdirSync(sources, { recursive: true, encoding: 'utf8' }).filter((file) => /\.ts$/.test(file));
    const names = files.flatMap((file) =>
      [...readFileSync(path.join(sources, file), 'utf8').matchAll(/^(?:export )?class (\w+(?:Dto|View))\b/gm)].map(
        (match) => match[1],
      ),
    );
    expect(names.length).toBeGreaterThan(100);
    expect(names.filter((name, at) => names.indexOf(name) !== at)).toEqual([]);
  });

  it('carries the version of the package', () => {
    const file = readFileSync(path.join(__dirname, '..', '..', 'package.json'), 'utf8');
    expect(document.info.version).toBe((JSON.parse(file) as { version: string }).version);
  });

  it('is shown by a page that fetches nothing from elsewhere', async () => {
    const page = await supertest(gateway.url).get('/docs').expect(200);
    const sources = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(sources.filter((source) => /^(https?:)?\/\//.test(source))).toEqual([]);
    for (const source of sources.filter((one) => one.endsWith('.js') || one.endsWith('.css'))) {
      await supertest(gateway.url)
        .get(new URL(source, `${gateway.url}/docs`).pathname)
        .expect(200);
    }
    expect(sources.length).toBeGreaterThan(3);
  });

  /** A schema as text, with the schemas it refers to. */
  function withReferences(schema: object | undefined, depth = 3): string {
    const text = JSON.stringify(schema ?? {});
    const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1] ?? '');
    if (depth === 0) return text;
    return [text, ...names.map((name) => withReferences(document.components?.schemas?.[name], depth - 1))].join();
  }
});
