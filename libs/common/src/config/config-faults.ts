/** One thing wrong with the configuration. */
export interface ConfigFault {
  /** Name of the environment variable. */
  readonly env: string;
  /** What is wrong; holds no secret. */
  readonly wrong: string;
  /** How to mend it. */
  readonly mend: string;
}

/** Thrown by `readConfig` with every fault at once, so that one correction is enough. */
export class ConfigFaults extends Error {
  constructor(readonly faults: readonly ConfigFault[]) {
    const lines = faults.map((fault) => `  ${fault.env} ${fault.wrong}: ${fault.mend}`);
    super(`The configuration has ${faults.length === 1 ? 'a fault' : `${faults.length} faults`}:\n${lines.join('\n')}`);
    this.name = 'ConfigFaults';
  }
}
