import { Controller, Get, Inject, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { CostsQuery, CostsView } from './cost.dto.js';
import { CostService } from './cost.service.js';

@ApiTags('costs')
@ApiBearerAuth()
@Controller('api/costs')
export class CostController {
  constructor(@Inject(CostService) private readonly costs: CostService) {}

  @Get()
  @Can('costs:read')
  @ApiOperation({
    summary: 'What was spent, by whom, on what and when',
    description:
      'Exact at every instant: an execution counts as soon as its settlement was acknowledged, at the time it started. ' +
      'Compares with the span of equal length before.',
  })
  @ApiOkResponse({ type: CostsView })
  @Problems()
  get(@CurrentCaller() caller: Caller, @Query() query: CostsQuery): Promise<CostsView> {
    return this.costs.costs(caller, query);
  }
}
