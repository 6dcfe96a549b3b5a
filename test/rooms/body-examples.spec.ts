import supertest from 'supertest';
import { type ApiRoute, apiRoutes, call } from '../support/api-routes.js';
import { startGateway, type TestGateway } from '../support/gateway.js';

interface Schema {
  $ref?: string;
  allOf?: Schema[];
  oneOf?: Schema[];
  type?: string;
  format?: string;
  example?: unknown;
  default?: unknown;
  enum?: unknown[];
  properties?: Record<string, Schema>;
  items?: Schema;
}

interface Content {
  schema: Schema;
  examples?: Record<string, { value: unknown }>;
}

interface Document {
  paths: Record<string, Record<string, { requestBody?: { content: Record<string, Content> } }>>;
  components: { schemas: Record<string, Schema> };
}

const SOME_ID = '3fa85f64-5717-4562-b3fc-2c963f66afa6';
/** A made-up invitation holds for nobody. */
const REFUSED: Record<string, number> = { 'POST /api/invitations/accept': 401 };

describe('the body that Swagger offers to send', () => {
  let gateway: TestGateway;
  let document: Document;

  beforeAll(async () => {
    gateway = await startGateway();
    document = (await supertest(gateway.url).get('/docs-json').expect(200)).body as Document;
  });
  afterAll(() => gateway.close());

  /** As Swagger makes it up: of all fields that have an example, a default or values. */
  const madeUp = (given: Schema): unknown => {
    const name = (given.$ref ?? given.allOf?.[0]?.$ref)?.split('/').at(-1);
    const schema = given.example === undefined && name !== undefined ? document.components.schemas[name]! : given;
    const { example, enum: values, properties, items, oneOf, type, format } = schema;
    if (example !== undefined) return example;
    if (schema.default !== undefined) return schema.default;
    if (oneOf) return madeUp(oneOf[0]!);
    if (values) return values[0];
    if (items) return [madeUp(items)];
    if (properties) return Object.fromEntries(Object.entries(properties).map(([key, one]) => [key, madeUp(one)]));
    const text = { uuid: SOME_ID, 'date-time': '2036-01-01T00:00:00Z' }[format ?? ''] ?? 'string';
    return { string: text, boolean: true, integer: 0, number: 0, object: {} }[type!];
  };
  const offered = ({ path, method }: ApiRoute) => {
    const content = document.paths[path]![method]!.requestBody?.content['application/json'];
    return content && (Object.values(content.examples ?? {})[0]?.value ?? madeUp(content.schema));
  };

  it('is accepted as it stands, or what its path names is unknown', async () => {
    const wrong: string[] = [];
    for (const route of await apiRoutes(gateway.url)) {
      const body = offered(route);
      if (body === undefined) continue;
      const { status, text } = await call(gateway.owner, route, {}, body as Record<string, unknown>);
      const fine = REFUSED[route.name] ?? (route.path.includes('{') ? 404 : null);
      if (status >= 300 && status !== fine) wrong.push(`${route.name} ${status} ${text}`);
    }
    expect(wrong).toEqual([]);
  });
});
