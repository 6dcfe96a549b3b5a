import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { AgentSocket, type HoustonFrame } from '../../cli/socket/agent-socket.js';
import { Mission, type TaskSeen } from '../simulate/mission.js';
import type { TaskOutcome } from './verdict.js';

const AGENTS = 2;
const TASKS = 10;
const WITHIN_MS = 30_000;
const LOOK_EVERY_MS = 50;

/** Two agents behind sockets, and ten tasks that ask for a square. They disturb nobody: nobody else is able to do these. */
export async function runSmoke(url: string, key: string): Promise<TaskOutcome[]> {
  const mission = new Mission(url, key);
  const skill = `smoke-${randomUUID().slice(0, 8)}`;
  const seen = new Map<string, number[]>();
  const names = Array.from({ length: AGENTS }, (_, n) => `${skill}-${n + 1}`);
  const maxConcurrent = TASKS / AGENTS;
  for (const name of names) await mission.post('/api/agents', { name, maxConcurrent, capabilities: [{ name: skill }] });
  const sockets = await Promise.all(names.map((name) => connect(url, key, name, seen)));
  try {
    const put = await Promise.all(Array.from({ length: TASKS }, (_, n) => putTask(mission, skill, n)));
    const tasks = await terminal(mission, put);
    return put.map(({ id, putAtMs, n }, index) => {
      const times = seen.get(id) ?? [];
      return {
        status: tasks[index]!.status,
        assignedMs: times[0] === undefined ? null : Math.max(0, times[0] - putAtMs),
        times: times.length,
        hasItsResult: (tasks[index]!.result as { square?: number } | null)?.square === n * n,
      };
    });
  } finally {
    sockets.forEach((socket) => socket.close());
    for (const name of names) await mission.post(`/api/agents/${name}/drain`, { reason: 'The smoke test is over.' });
  }
}

function connect(url: string, key: string, name: string, seen: Map<string, number[]>): Promise<AgentSocket> {
  const hear = (frame: HoustonFrame, socket: AgentSocket): void => {
    if (frame.type !== 'task') return;
    const { task, lease } = frame;
    seen.set(task.id, [...(seen.get(task.id) ?? []), performance.now()]);
    const { n } = task['payload'] as { n: number };
    socket.ack(task.id, lease);
    const held = { id: lease.id, fence: lease.fence };
    socket.send({ type: 'result', taskId: task.id, lease: held, result: { square: n * n } });
  };
  const hello = { agentId: name, instanceId: randomUUID() };
  return AgentSocket.connect({ hub: url, key, workspace: null }, hello, { onFrame: hear, onClose: () => undefined });
}

interface PutTask {
  id: string;
  n: number;
  /** Of performance.now(), before it was sent. */
  putAtMs: number;
}

async function putTask(mission: Mission, skill: string, n: number): Promise<PutTask> {
  const putAtMs = performance.now();
  const body = { title: `The square of ${n}`, requiredCapabilities: [skill], payload: { n } };
  const { id } = await mission.post<{ id: string }>('/api/tasks', body);
  return { id, n, putAtMs };
}

/** The tasks as they are when all have ended, or when time is up. */
async function terminal(mission: Mission, put: readonly PutTask[]): Promise<TaskSeen[]> {
  for (const end = performance.now() + WITHIN_MS; ; await delay(LOOK_EVERY_MS)) {
    const tasks = await Promise.all(put.map(({ id }) => mission.get<TaskSeen>(`/api/tasks/${id}`)));
    const isOver = tasks.every(({ status }) => ['done', 'failed', 'cancelled'].includes(status));
    if (isOver || performance.now() > end) return tasks;
  }
}
