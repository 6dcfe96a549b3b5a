import {
  applyDecorators,
  type CanActivate,
  type ExecutionContext,
  Inject,
  Injectable,
  SetMetadata,
} from '@nestjs/common';
import { Reflector } from '@nestjs/core';
import { ApiExtension } from '@nestjs/swagger';
import { mayDo, type Permission, PERMISSIONS, type Role, ROLES } from '@houston/common/auth/roles.js';
import { Authenticator } from './authenticator.js';
import { BodyFault } from './json-body.js';
import type { HoustonRequest } from './caller.js';
import { Problem } from './problem.js';

const PERMISSION = 'houston:permission';
const PUBLIC = 'houston:public';

interface Demand {
  isPublic: boolean;
  permission: Permission | 'any' | undefined;
}

/** What a caller must be allowed to do to use the route. Every route has either this or @Public. */
export function Can(permission: Permission): MethodDecorator {
  return applyDecorators(
    SetMetadata(PERMISSION, permission),
    ApiExtension('x-permission', permission),
    ApiExtension('x-roles', [...PERMISSIONS[permission]]),
  ) as MethodDecorator;
}

/** A route for everyone who has any key. */
export const AnyKey = () => applyDecorators(SetMetadata(PERMISSION, 'any'), ApiExtension('x-roles', [...ROLES]));

/** A route without a key: health, metrics. */
export const Public = () =>
  applyDecorators(SetMetadata(PUBLIC, true), ApiExtension('x-public', true), ApiExtension('x-roles', [...ROLES]));

/** Key first, then role, then whether the body could be read: nobody learns more than they may. */
@Injectable()
export class CallerGuard implements CanActivate {
  /** What each handler asks for; looking metadata up costs more than keeping it. */
  private readonly demands = new WeakMap<object, Demand>();

  constructor(
    @Inject(Reflector) private readonly reflector: Reflector,
    @Inject(Authenticator) private readonly authenticator: Authenticator,
  ) {}

  async canActivate(context: ExecutionContext): Promise<boolean> {
    const { isPublic, permission } = this.demandOf(context);
    const request = context.switchToHttp().getRequest<HoustonRequest>();
    if (isPublic) return requireReadable(request);
    if (permission === undefined) throw new Error(`${context.getHandler().name} says not who may use it`);
    request.caller = await this.authenticator.authenticate(bearer(request), workspaceRef(request), request.ip, (role) =>
      requirePermission(role, permission),
    );
    return requireReadable(request);
  }

  private demandOf(context: ExecutionContext): Demand {
    const handler = context.getHandler();
    const known = this.demands.get(handler);
    if (known) return known;
    const targets = [handler, context.getClass()];
    const demand = {
      isPublic: this.reflector.getAllAndOverride<boolean | undefined>(PUBLIC, targets) === true,
      permission: this.reflector.getAllAndOverride<Permission | 'any' | undefined>(PERMISSION, targets),
    };
    this.demands.set(handler, demand);
    return demand;
  }
}

/** @throws Problem forbidden */
function requirePermission(role: Role, permission: Permission | 'any'): void {
  if (permission === 'any' || mayDo(role, permission)) return;
  throw new Problem('forbidden', {
    detail: `The role ${role} may not ${permission}; allowed: ${PERMISSIONS[permission].join(', ')}.`,
  });
}

/** @throws Problem for a body that could not be read */
function requireReadable({ body }: HoustonRequest): true {
  if (body instanceof BodyFault) throw new Problem(body.code, { detail: body.detail, errors: body.errors });
  return true;
}

/** The presented API key; empty for none. */
export function bearer(request: { headers: { authorization?: string } }): string {
  const header = request.headers.authorization ?? '';
  return header.slice(0, 7).toLowerCase() === 'bearer ' ? header.slice(7).trim() : '';
}

function workspaceRef(request: HoustonRequest): string | undefined {
  const header = request.headers['x-workspace'];
  return Array.isArray(header) ? header[0] : header;
}
