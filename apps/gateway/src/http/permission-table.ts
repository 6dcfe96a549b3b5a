import type { OpenAPIObject } from '@nestjs/swagger';
import { ROLES } from '@houston/common/auth/roles.js';
import { markdownTable } from '@houston/common/config/markdown-table.js';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

interface Demands {
  'x-permission'?: string;
  'x-public'?: boolean;
  'x-roles'?: string[];
}

/**
 * Who may use each route, as a Markdown table in the order of the paths: `yes` in the column of each role that may. The
 * permission is `any key` where every key will do, and `none` where none is needed.
 */
export function permissionTable(document: OpenAPIObject): string {
  const paths = Object.entries(document.paths).sort(([one], [other]) => (one < other ? -1 : 1));
  const rows = paths.flatMap(([path, item]) =>
    METHODS.filter((method) => item[method] !== undefined).map((method) => {
      const demands = item[method] as Demands;
      const permission = demands['x-permission'] ?? (demands['x-public'] === true ? 'none' : 'any key');
      const roles = ROLES.map((role) => (demands['x-roles']?.includes(role) ? 'yes' : ''));
      return [`\`${method.toUpperCase()} ${path}\``, permission, ...roles];
    }),
  );
  return markdownTable([['Route', 'Permission', ...ROLES], ...rows]);
}
