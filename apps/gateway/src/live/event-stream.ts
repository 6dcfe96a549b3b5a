import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { LedgerEvent } from '@houston/common/events/event-reader.js';
import type { EventSubscription } from '@houston/common/events/event-subscription.js';
import { eventView } from '@houston/common/events/event.view.js';

const HEARTBEAT_MS = 15_000;
/** A revoked key's stream ends within 10 s. */
const RECHECK_MS = 5_000;

export interface EventStreamOptions {
  subscription: EventSubscription;
  response: ServerResponse;
  /** Name of the workspace that the stream belongs to. */
  workspaceSlug: string;
  /** Whether the key may still listen. */
  mayListen: () => Promise<boolean>;
}

/**
 * Writes a subscription as server-sent events until either side ends it: `id` is the event's seq, `event` its type,
 * `data` its envelope. A client that reads too slowly is cut off and continues with `Last-Event-ID`.
 */
export async function streamEvents({ subscription, response, ...options }: EventStreamOptions): Promise<void> {
  const say = (comment: string) => {
    // What is backed up already shows that the connection is there.
    if (!response.writableNeedDrain && !response.writableEnded) response.write(`: ${comment}\n\n`);
  };
  const end = () => subscription.close();
  let verdict = 'the stream ends';
  const recheck = async () => {
    if (await options.mayListen()) return;
    verdict = 'this key may no longer listen';
    end();
  };
  const timers = [setInterval(() => say('still here'), HEARTBEAT_MS), setInterval(() => void recheck(), RECHECK_MS)];
  response.once('close', end);
  say('listening');
  try {
    for await (const event of subscription) {
      if (!response.write(textOf(event, options.workspaceSlug))) await drained(response);
    }
    if (subscription.ended === 'slow') verdict = 'too slow: continue with Last-Event-ID';
    say(verdict);
  } finally {
    timers.forEach((timer) => clearInterval(timer));
    response.end();
  }
}

function textOf(event: LedgerEvent, workspaceSlug: string): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(eventView(event, workspaceSlug))}\n\n`;
}

async function drained(response: ServerResponse): Promise<void> {
  if (response.closed) return;
  const decided = new AbortController();
  const { signal } = decided;
  await Promise.race([once(response, 'drain', { signal }), once(response, 'close', { signal })]).finally(() =>
    decided.abort(),
  );
}
