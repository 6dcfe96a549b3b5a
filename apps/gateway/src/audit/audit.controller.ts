import { Controller, Get, Inject } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '@houston/common/db/database.js';
import { verifyChain } from '@houston/common/events/verify-chain.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { requireOrganizationKey } from '../http/reach.js';
import { ChainVerdictView } from './verdict.dto.js';
import { chainVerdictView } from './verdict.view.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('api/audit')
export class AuditController {
  constructor(@Inject(Database) private readonly db: Database) {}

  @Get('verify')
  @Can('audit:verify')
  @ApiOperation({
    summary: 'Prove that nobody has rewritten the ledger',
    description:
      'Compares every event of the organization with the chain of hashes that was sealed when it happened, and names ' +
      'the first that was changed, removed, inserted or moved. Takes a key that is bound to no workspace.',
  })
  @ApiOkResponse({ type: ChainVerdictView })
  @Problems()
  async verify(@CurrentCaller() caller: Caller): Promise<ChainVerdictView> {
    requireOrganizationKey(caller, 'The ledger belongs to the organization; this key is bound to a workspace.');
    return chainVerdictView(await this.db.inOrganization(caller.organizationId, verifyChain));
  }
}
