import vm from 'node:vm';

/** What was run took longer than it may. */
export class Overdue extends Error {}

interface Bench {
  act?: () => unknown;
}

const bench: Bench = {};
const context = vm.createContext(bench);
const script = new vm.Script('act()');

/**
 * Runs something that might take for ever, on this thread, and ends it.
 *
 * @throws what `act` throws, or Overdue when its time is over
 */
export function withinMs<T>(ms: number, act: () => T): T {
  bench.act = act;
  try {
    return script.runInContext(context, { timeout: ms }) as T;
  } catch (error) {
    if (isTimeout(error)) throw new Overdue(`It took longer than ${ms} ms.`, { cause: error });
    throw error;
  } finally {
    delete bench.act;
  }
}

function isTimeout(error: unknown): boolean {
  return (
    typeof error === 'object' && error !== null && 'code' in error && error.code === 'ERR_SCRIPT_EXECUTION_TIMEOUT'
  );
}
