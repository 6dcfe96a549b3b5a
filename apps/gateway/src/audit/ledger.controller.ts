import { Controller, HttpCode, Inject, Post } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '@houston/common/db/database.js';
import { verifyCounters } from '@houston/common/ledger/verify-counters.js';
import { Problems, TakesIdempotencyKey } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { requireOrganizationKey } from '../http/reach.js';
import { CountersVerdictView } from './verdict.dto.js';
import { countersVerdictView } from './verdict.view.js';

@ApiTags('audit')
@ApiBearerAuth()
@Controller('api/ledger')
export class LedgerController {
  constructor(@Inject(Database) private readonly db: Database) {}

  @Post('verify')
  @HttpCode(200)
  @Can('audit:verify')
  @TakesIdempotencyKey()
  @ApiOperation({
    summary: "Recompute every budget's counters from the ledger",
    description: 'Of the whole organization, so it takes a key that is bound to no workspace. Holds nobody up.',
  })
  @ApiOkResponse({ type: CountersVerdictView })
  @Problems()
  async verify(@CurrentCaller() caller: Caller): Promise<CountersVerdictView> {
    requireOrganizationKey(caller, 'The ledger belongs to the organization; this key is bound to a workspace.');
    return countersVerdictView(await this.db.inOrganization(caller.organizationId, verifyCounters));
  }
}
