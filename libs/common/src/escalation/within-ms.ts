import vm from 'node:vm';

interface Bench {
  act?: () => unknown;
}

const bench: Bench = {};
const context = vm.createContext(bench);
const script = new vm.Script('act()');

/**
 * Runs something that might take for ever, on this thread, and ends it.
 *
 * @throws what `act` throws, or an error when its time is over
 */
export function withinMs<T>(ms: number, act: () => T): T {
  bench.act = act;
  try {
    return script.runInContext(context, { timeout: ms }) as T;
  } finally {
    delete bench.act;
  }
}
