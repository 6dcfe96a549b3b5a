import { readFileSync } from 'node:fs';
import path from 'node:path';
import { type Role, ROLES } from '@houston/common/auth/roles.js';

const FILE = path.resolve(__dirname, '../../docs/permissions.md');
const LINE = /^\| `(?<name>[A-Z]+ \/[^`]*)` *\| (?<permission>[a-z: -]+?) *\|(?<roles>.*)\|$/;

export interface PermissionLine {
  /** `POST /api/budgets/{id}/freeze` */
  name: string;
  /** Also `any key` and `none`. */
  permission: string;
  may: Role[];
}

/** The lines of docs/permissions.md: what the documentation promises is what is tested. */
export function permissionLines(): PermissionLine[] {
  return readFileSync(FILE, 'utf8')
    .split('\n')
    .flatMap((line) => {
      const { name, permission, roles } = LINE.exec(line)?.groups ?? {};
      if (name === undefined || permission === undefined || roles === undefined) return [];
      const cells = roles.split('|').map((cell) => cell.trim());
      return [{ name, permission, may: ROLES.filter((_, column) => cells[column] === 'yes') }];
    });
}
