import { BodyFault, parseJsonBody } from '../http/json-body.js';
import { invalid, Problem } from '../http/problem.js';
import { looksLikeId } from '../http/uuid.js';
import { ValidationPipe } from '../http/validation.js';
import { AckFrame, BlockFrame, FailFrame, HeartbeatFrame, HelloFrame, ReleaseFrame, ResultFrame } from './frame.dto.js';

const FRAMES = {
  hello: HelloFrame,
  ack: AckFrame,
  heartbeat: HeartbeatFrame,
  result: ResultFrame,
  fail: FailFrame,
  block: BlockFrame,
  release: ReleaseFrame,
} as const;

type FrameType = keyof typeof FRAMES;

/** What an agent says. */
export type Frame = { [T in FrameType]: { type: T; body: InstanceType<(typeof FRAMES)[T]> } }[FrameType];

/** A frame, or why it is none; `re` and `taskId` as far as they could be read, so that the answer can name them. */
export type Reading =
  { kind: 'frame'; frame: Frame } | { kind: 'fault'; problem: Problem; re: string | null; taskId: string | null };

const validation = new ValidationPipe();

/** Reads a text frame as a request's body is read: nothing in it is silently changed, unknown fields are named. */
export function readFrame(text: string): Reading {
  const body = parseJsonBody(text);
  if (body instanceof BodyFault) {
    return fault(new Problem(body.code, { detail: body.detail, errors: body.errors }), {});
  }
  const { type, ...rest } = body as Record<string, unknown>;
  if (typeof type !== 'string' || !isFrameType(type)) {
    return fault(invalid('type', `Send one of ${Object.keys(FRAMES).join(', ')}.`), { type });
  }
  try {
    const valid = validation.transform(rest, { type: 'body', metatype: FRAMES[type] });
    return { kind: 'frame', frame: { type, body: valid } as Frame };
  } catch (error) {
    if (error instanceof Problem) return fault(error, { type, ...rest });
    throw error;
  }
}

function isFrameType(type: string): type is FrameType {
  return Object.hasOwn(FRAMES, type);
}

function fault(problem: Problem, { type, taskId }: Record<string, unknown>): Reading {
  return {
    kind: 'fault',
    problem,
    re: typeof type === 'string' ? type.slice(0, 40) : null,
    taskId: typeof taskId === 'string' && looksLikeId(taskId) ? taskId : null,
  };
}
