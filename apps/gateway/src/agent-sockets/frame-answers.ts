import { Inject, Injectable, Logger } from '@nestjs/common';
import { Problem } from '../http/problem.js';
import { asProblem } from '../http/problem.filter.js';
import type { Moved } from '../tasks/lease-acts.js';
import { WorkService } from '../tasks/work.service.js';
import type { HeartbeatFrame, HeartbeatTask } from './frame.dto.js';
import { Offers } from './offers.js';
import type { Frame } from './read-frame.js';
import type { TaskPulse } from './server-frame.js';
import type { Session } from './session.js';

/** Tasks of one heartbeat that are extended at the same time. */
const MAX_ABREAST = 8;

/** What is done about a frame, and said: the same as the worker protocol does over HTTP. */
@Injectable()
export class FrameAnswers {
  private readonly logger = new Logger('agent sockets');

  constructor(
    @Inject(WorkService) private readonly work: WorkService,
    @Inject(Offers) private readonly offers: Offers,
  ) {}

  /** Never rejects: whatever goes wrong is told to the agent. */
  async answer(session: Session, frame: Exclude<Frame, { type: 'hello' }>): Promise<void> {
    try {
      await this.act(session, frame);
    } catch (error) {
      const problem = asProblem(error);
      const taskId = 'taskId' in frame.body ? frame.body.taskId : null;
      if (problem.code === 'lease_lost' && taskId !== null) this.freed(session, taskId);
      if (problem.status >= 500) this.logger.error({ msg: 'a frame failed', type: frame.type, taskId, err: error });
      session.socket.refuse(problem, frame.type, taskId);
    }
  }

  private async act(session: Session, frame: Exclude<Frame, { type: 'hello' }>): Promise<void> {
    const { caller } = session;
    switch (frame.type) {
      case 'ack':
        await this.work.acknowledge(caller, frame.body.taskId, frame.body);
        session.hasSeen(frame.body.taskId);
        return session.working(frame.body.taskId, frame.body.lease);
      case 'heartbeat':
        return this.heartbeat(session, frame.body);
      case 'result':
        return this.ended(session, await this.work.complete(caller, frame.body.taskId, frame.body));
      case 'fail':
        return this.ended(session, await this.work.fail(caller, frame.body.taskId, frame.body));
      case 'block':
        return this.ended(session, await this.work.block(caller, frame.body.taskId, frame.body));
      case 'release':
        return this.ended(session, await this.work.release(caller, frame.body.taskId, frame.body));
    }
  }

  private ended(session: Session, { id, status }: Moved): void {
    session.socket.send({ type: 'result.ok', taskId: id, status });
    this.freed(session, id);
  }

  /** It may take something else now. */
  private freed(session: Session, taskId: string): void {
    session.ended(taskId);
    this.offers.wake(session.caller.workspaceId);
  }

  private async heartbeat(session: Session, { lastTaskId, tasks }: HeartbeatFrame): Promise<void> {
    if (lastTaskId !== undefined) session.hasSeen(lastTaskId);
    const pulses: TaskPulse[] = [];
    for (let from = 0; from < tasks.length; from += MAX_ABREAST) {
      const abreast = tasks.slice(from, from + MAX_ABREAST);
      pulses.push(...(await Promise.all(abreast.map((task) => this.extend(session, task)))));
    }
    session.socket.send({ type: 'heartbeat.ok', tasks: pulses });
  }

  private async extend(session: Session, task: HeartbeatTask): Promise<TaskPulse> {
    const { taskId } = task;
    try {
      const held = await this.work.heartbeat(session.caller, taskId, task);
      session.working(taskId, held.lease);
      return { taskId, ...held };
    } catch (error) {
      const problem = asProblem(error);
      if (problem.status >= 500) throw error;
      if (problem.code === 'lease_lost' || problem.code === 'not_found') this.freed(session, taskId);
      return {
        taskId,
        continue: isHeldStill(problem),
        lease: null,
        code: problem.code,
        detail: problem.message,
        ...problem.extensions,
      };
    }
  }
}

/** Values that could not be taken say nothing about the lease. */
function isHeldStill(problem: Problem): boolean {
  return problem.code === 'invalid_values';
}
