import supertest from 'supertest';
import { type Permission, type Role } from '@houston/common/auth/roles.js';
import type { ApiClient } from './gateway.js';

export type Method = 'get' | 'post' | 'put' | 'patch' | 'delete';

export interface ApiRoute {
  method: Method;
  /** `/api/budgets/{id}` */
  path: string;
  /** `POST /api/budgets/{id}/freeze` */
  name: string;
  /** Names of the parameters in the path. */
  parameters: string[];
  /** What a caller must be allowed to do; undefined: any key will do, or none is needed. */
  permission?: Permission;
  /** As the document says. */
  roles?: Role[];
}

interface Document {
  paths: Record<string, Record<Method, { 'x-permission'?: Permission; 'x-roles'?: Role[] }>>;
}

/** Every route under /api that the gateway documents about itself. */
export async function apiRoutes(url: string): Promise<ApiRoute[]> {
  const document = (await supertest(url).get('/docs-json').expect(200)).body as Document;
  return Object.entries(document.paths).flatMap(([path, item]) =>
    Object.entries(item)
      .filter(() => path.startsWith('/api/'))
      .map(([method, operation]) => ({
        method: method as Method,
        path,
        name: `${method.toUpperCase()} ${path}`,
        parameters: [...path.matchAll(/\{(\w+)\}/g)].map((match) => match[1]!),
        permission: operation['x-permission'],
        roles: operation['x-roles'],
      })),
  );
}

/** Calls a route with these values of its parameters. */
export function call(
  client: ApiClient,
  { method, path }: ApiRoute,
  values: Record<string, string>,
  body: Record<string, unknown> = {},
  headers: Record<string, string> = {},
) {
  const url = path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(values[name] ?? 'missing'));
  return method === 'get' || method === 'delete' ? client[method](url, headers) : client[method](url, body, headers);
}
