import { Controller, Get, Inject, Param } from '@nestjs/common';
import { ApiBearerAuth, ApiOkResponse, ApiOperation, ApiTags } from '@nestjs/swagger';
import { Database } from '@houston/common/db/database.js';
import { now } from '@houston/common/escalation/watch.store.js';
import { Problems } from '../http/answers.js';
import { type Caller, CurrentCaller } from '../http/caller.js';
import { Can } from '../http/caller.guard.js';
import { idParam } from '../http/id-param.js';
import { notFound } from '../http/problem.js';
import { SloView, sloView } from './slo.view.js';
import { TaskStore } from './task.store.js';

@ApiTags('tasks')
@ApiBearerAuth()
@Controller('api/tasks/:id/slo')
export class SloController {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(TaskStore) private readonly tasks: TaskStore,
  ) {}

  @Get()
  @Can('tasks:read')
  @ApiOperation({
    summary: 'How much of its time is used up',
    description:
      'Of its service level, or else of the time until `dueAt`. Passing either is told as `slo.breached` or `task.due_breached`, in the second in which it happens.',
  })
  @ApiOkResponse({ type: SloView })
  @Problems('not_found')
  get(@CurrentCaller() caller: Caller, @Param('id', idParam) id: string): Promise<SloView> {
    return this.db.inWorkspace(caller, async (tx) => {
      const task = await this.tasks.read(tx, caller.workspaceId, id);
      if (!task) throw notFound();
      return sloView(task, await now(tx));
    });
  }
}
