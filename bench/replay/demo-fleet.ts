import { fleetRuns } from './fleet.js';
import { TraceRow } from './read-trace.js';
import { TraceSource } from './trace-source.js';

const RUNS = 600;
const SPAN_MS = 30 * 60_000;
const SEED = 2026;

/** The fleet of the demo: always the same runs. */
export function demoFleet(startsAt: Date): TraceSource {
  let read = 0;
  async function* counted(): AsyncGenerator<TraceRow> {
    for (const row of fleetRuns({ runs: RUNS, spanMs: SPAN_MS, startsAt, seed: SEED })) {
      read += 1;
      yield row;
    }
  }
  return { rows: counted(), fraction: () => read / RUNS };
}
