/*
 * One agent of the simulation: a process of its own, so that it can really die. Started with one JSON argument; ends with
 * whoever started it. Before it stands still it says so, because somebody else has to wake it.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AgentConfig } from '../../cli/agent-config.js';
import { CuttableLine } from './cuttable-line.js';
import { Diary } from './diary.js';
import { beDeaf, hubOf, type Transport } from './transport.js';
import { type Body, Worker } from './worker.js';

/** What an agent is started with. */
export interface AgentOrder {
  url: string;
  key: string;
  workspace: string;
  agentId: string;
  name: string;
  slots: number;
  transport: Transport;
  seed: string;
  share: number;
  diaryFile: string;
  /** Before anything else it is there for so long and takes up nothing. Over sockets only. */
  deafMs?: number;
}

const order = JSON.parse(process.argv[2] ?? '{}') as AgentOrder;
const { key, workspace, agentId, name, seed, share, transport, deafMs = 0 } = order;
process.on('disconnect', () => process.exit(0));
const line = await CuttableLine.to(order.url);
const config: AgentConfig = { hub: line.url, key, workspace, agent: name, agentId, keyId: '' };
const body: Body = {
  die: () => process.kill(process.pid, 'SIGKILL'),
  standStill: async () => {
    await new Promise((told) => process.send?.({ type: 'stands still' }, undefined, undefined, told));
    process.kill(process.pid, 'SIGSTOP');
    // The signal takes effect at the next turn at the latest.
    await sleep(1);
  },
  disconnect: () => line.cut(),
};
const stopping = new AbortController();
process.on('SIGTERM', () => stopping.abort());
if (deafMs > 0 && transport === 'socket') await beDeaf(config, deafMs);
const diary = new Diary(order.diaryFile);
const worker = () => new Worker({ name, seed, share, hub: hubOf(transport, config), body, diary });
await Promise.all(Array.from({ length: order.slots }, () => worker().run(stopping.signal)));
process.exit(0);
