/*
 * One agent of the simulation: a process of its own, so that it can really die. Started with one JSON argument; ends with
 * whoever started it. Before it stands still it says so, because somebody else has to wake it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { Diary } from './diary.js';
import { hubOf } from './transport.js';
import { type Body, Worker } from './worker.js';

/** What an agent is started with. */
export interface AgentOrder {
  url: string;
  key: string;
  workspace: string;
  agentId: string;
  name: string;
  slots: number;
  transport: 'http' | 'socket';
  seed: string;
  share: number;
  diaryFile: string;
}

const order = JSON.parse(process.argv[2] ?? '{}') as AgentOrder;
const { hub, disconnect } = hubOf(order);
const body: Body = {
  die: () => process.kill(process.pid, 'SIGKILL'),
  standStill: async () => {
    await new Promise((told) => process.send?.({ type: 'stands still' }, undefined, undefined, told));
    process.kill(process.pid, 'SIGSTOP');
    // The signal takes effect at the next turn at the latest.
    await sleep(1);
  },
  disconnect,
};
const { name, seed, share } = order;
const stopping = new AbortController();
process.on('disconnect', () => process.exit(0));
process.on('SIGTERM', () => stopping.abort());
const worker = () => new Worker({ name, seed, share, hub, body, diary: new Diary(order.diaryFile) });
await Promise.all(Array.from({ length: order.slots }, () => worker().run(stopping.signal)));
process.exit(0);
