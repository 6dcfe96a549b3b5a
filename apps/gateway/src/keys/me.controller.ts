import { Controller, Get, Inject } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '@houston/common/db/database.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { AnyKey } from '../http/caller.guard.js';
import { MemberStore } from '../members/member.store.js';
import { KeyStore } from './key.store.js';
import { MeView } from './me.view.js';

@ApiTags('keys')
@ApiBearerAuth()
@Controller('api/me')
export class MeController {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(KeyStore) private readonly store: KeyStore,
    @Inject(MemberStore) private readonly members: MemberStore,
  ) {}

  @Get()
  @AnyKey()
  @ApiOperation({ summary: 'Who am I, and where' })
  @ApiOkResponse({ type: MeView })
  @Problems()
  async me(@CurrentCaller() caller: Caller): Promise<MeView> {
    const { keyId, organizationId, memberId, workspace } = caller;
    const [row, organizationName, member] = await this.db.inOrganization(organizationId, async (tx) => [
      await this.store.find(tx, keyId, null),
      await this.store.organizationName(tx),
      memberId === null ? null : await this.members.find(tx, memberId),
    ]);
    const { id, slug, name, timezone } = workspace;
    const key = { id: keyId, name: caller.keyName, prefix: caller.prefix, role: caller.role };
    return {
      key: row?.expires_at ? { ...key, expiresAt: row.expires_at.toISOString() } : key,
      organization: { id: organizationId, name: organizationName },
      workspace: { id, slug, name, timezone },
      ...(row?.agent_id ? { agent: { id: row.agent_id, name: row.agent_name ?? '' } } : {}),
      ...(member ? { member: { id: member.id, name: member.name, email: member.email, role: member.role } } : {}),
    };
  }
}
