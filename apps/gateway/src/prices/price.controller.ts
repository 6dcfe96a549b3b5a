import { Body, Controller, Delete, Get, HttpCode, Inject, Param, Put, Query } from '@nestjs/common';
import { ApiBearerAuth, ApiNoContentResponse, ApiOkResponse, ApiOperation, ApiParam, ApiTags } from '@nestjs/swagger';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { type Page, pageOf, readCursor } from '../http/page.js';
import { ApiPage } from '../http/page-answer.js';
import { PricesQuery, SetPriceDto } from './price.dto.js';
import { type PricePosition, PriceService } from './price.service.js';
import { priceName } from './price-name.js';
import { ownPriceView, PriceView } from './price.view.js';

@ApiTags('prices')
@ApiBearerAuth()
@Controller('api/prices')
export class PriceController {
  constructor(@Inject(PriceService) private readonly prices: PriceService) {}

  @Get()
  @Can('prices:read')
  @ApiOperation({
    summary: 'What models cost here',
    description: "The workspace's own prices first, then those of the catalogue that they do not replace.",
  })
  @ApiPage(PriceView)
  @Problems()
  async list(@CurrentCaller() caller: Caller, @Query() query: PricesQuery): Promise<Page<PriceView>> {
    const { limit, cursor, model, provider } = query;
    const filter = { ...(model ? { model } : {}), ...(provider ? { provider } : {}) };
    const binding = [caller.workspaceId, 'prices', filter];
    const after = readCursor(cursor, binding, 3) as PricePosition | null;
    const rows = await this.prices.list(caller, filter, after, limit);
    return pageOf(
      rows,
      limit,
      binding,
      (row) => [row.source, row.provider, row.model],
      (row) => row,
    );
  }

  @Put(':provider/:model')
  @Can('prices:write')
  @ApiOperation({
    summary: "Set the workspace's own price of a model",
    description: 'From now on; executions keep the prices they were held and settled at.',
  })
  @ApiParam({ name: 'provider', example: 'openai' })
  @ApiParam({ name: 'model', example: 'gpt-4o', description: 'Percent-encoded: `meta-llama%2Fllama-3%3Afree`' })
  @ApiOkResponse({ type: PriceView })
  @Problems()
  async set(
    @CurrentCaller() caller: Caller,
    @Param('provider', priceName) provider: string,
    @Param('model', priceName) model: string,
    @Body() body: SetPriceDto,
  ): Promise<PriceView> {
    return ownPriceView(await this.prices.set(caller, provider, model, body));
  }

  @Delete(':provider/:model')
  @HttpCode(204)
  @Can('prices:write')
  @ApiOperation({ summary: "Remove the workspace's own price", description: "The catalogue's applies again." })
  @ApiParam({ name: 'provider', example: 'openai' })
  @ApiParam({ name: 'model', example: 'gpt-4o' })
  @ApiNoContentResponse()
  @Problems('not_found')
  remove(
    @CurrentCaller() caller: Caller,
    @Param('provider', priceName) provider: string,
    @Param('model', priceName) model: string,
  ): Promise<void> {
    return this.prices.remove(caller, provider, model);
  }
}
