import { Body, Controller, Get, Headers, Inject, Param, Put, Res } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import type { FastifyReply } from 'fastify';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { etagOf } from '../http/etag.js';
import { idParam } from '../http/id-param.js';
import { PreferencesDto, PreferencesView } from './preference.dto.js';
import { PreferenceService } from './preference.service.js';
import type { Preferences } from './preference.store.js';

@ApiTags('notifications')
@ApiBearerAuth()
@Controller('api/members/:id/preferences')
export class PreferenceController {
  constructor(@Inject(PreferenceService) private readonly preferences: PreferenceService) {}

  @Get()
  @Can('preferences:use')
  @ApiOperation({ summary: 'How a member wishes to be told', description: 'One’s own; owners and admins: anybody’s.' })
  @ApiOkResponse({ type: PreferencesView })
  @Problems('not_found')
  async get(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PreferencesView> {
    return answer(await this.preferences.find(caller, id), reply);
  }

  @Put()
  @Can('preferences:use')
  @ApiOperation({
    summary: 'Choose channels, mute, gather, and rest at night',
    description: 'Replaces all. What is critical cannot be muted, gathered or put off.',
  })
  @ApiOkResponse({ type: PreferencesView })
  @Problems('not_found', 'precondition_failed')
  async replace(
    @CurrentCaller() caller: Caller,
    @Param('id', idParam) id: string,
    @Body() body: PreferencesDto,
    @Headers('if-match') ifMatch: string | undefined,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<PreferencesView> {
    return answer(await this.preferences.replace(caller, id, body, ifMatch), reply);
  }
}

function answer({ rules, quietHours, version }: Preferences, reply: FastifyReply): PreferencesView {
  void reply.header('etag', etagOf(version));
  return { rules, quietHours };
}
