import { Controller, Get, Header, Inject } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { DashboardStore } from './dashboard.store.js';
import { dashboardView, DashboardView } from './dashboard.view.js';

@ApiTags('dashboard')
@ApiBearerAuth()
@Controller('api/dashboard')
export class DashboardController {
  constructor(@Inject(DashboardStore) private readonly store: DashboardStore) {}

  @Get('state')
  @Can('dashboard:read')
  @Header('cache-control', 'no-store')
  @ApiOperation({
    summary: 'How everything stands',
    description: 'Of one moment: agents, what could be taken and what waits, leases, dead letters, what was done last.',
  })
  @ApiOkResponse({ type: DashboardView })
  @Problems()
  async state(@CurrentCaller() caller: Caller): Promise<DashboardView> {
    return dashboardView(await this.store.state(caller));
  }
}
