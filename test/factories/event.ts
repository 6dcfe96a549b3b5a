import type { NewEvent } from '@houston/common/events/event-log.js';

let made = 0;

/** An event unlike any other. */
export function anEvent(overrides: Partial<NewEvent> = {}): NewEvent {
  made += 1;
  return { type: 'agent.updated', actor: 'system', subject: `agent:${made}`, data: { number: made }, ...overrides };
}
