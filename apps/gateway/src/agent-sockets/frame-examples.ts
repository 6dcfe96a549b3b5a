const TASK = '0199b0a4-c1d2-7000-a1b2-c3d4e5f60718';
const LEASE = { id: '0199b0a5-0f3e-7000-8a9b-0c1d2e3f4a5b', fence: 3 };
const EXTENDED = { ...LEASE, expiresAt: '2026-11-21T12:00:30.000Z' };

/** What Houston says, one frame of each kind. */
export const SERVER_FRAMES: readonly Record<string, unknown>[] = [
  {
    ...{
      type: 'ready',
      sessionId: '0199b0a4-a000-7000-9000-000000000001',
      agentId: '0199b0a0-1111-7000-8000-00000000000a',
    },
    ...{ heartbeatIntervalMs: 10_000, leaseTtlMs: 30_000, ackWithinMs: 10_000 },
  },
  { type: 'task', task: { id: TASK, title: 'Sort the mail', payload: { box: 7 }, progress: null }, lease: EXTENDED },
  { type: 'heartbeat.ok', tasks: [{ taskId: TASK, continue: true, lease: EXTENDED }] },
  { type: 'result.ok', taskId: TASK, status: 'done' },
  { type: 'error', code: 'lease_lost', detail: 'scout has it now.', re: 'result', taskId: TASK, holder: null },
  {
    type: 'notification',
    item: {
      ...{ id: '0199b0a6-0000-7000-8000-000000000001', type: 'approval.resolved', title: 'Send the offer: approved' },
      ...{ text: 'Go ahead.', subject: 'approval:0199b0a6-0000-7000-8000-00000000000a', refs: { taskId: TASK } },
      ...{ eventId: '0199b0a6-0000-7000-8000-000000000002', taskId: TASK, critical: false },
      ...{ createdAt: '2026-11-21T12:00:00.000Z', readAt: null, archivedAt: null },
    },
  },
  { type: 'pause', reason: 'paused' },
  { type: 'resume' },
  { type: 'closing', reason: 'restarting' },
];
