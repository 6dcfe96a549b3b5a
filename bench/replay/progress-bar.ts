import { formatUsd } from '@houston/common/domain/money.js';
import { ReplayTally } from './run-replay.js';

export interface Terminal {
  isTTY?: boolean;
  columns?: number;
  write(text: string): unknown;
}

const BAR_WIDTH = 24;
const INTERVAL_MS = 100;
const CLEAR_LINE = '\r\x1b[K';

/** One line that is drawn over and over, on a terminal only: a log file gets nothing. */
export class ProgressBar {
  private drawnMs = -Infinity;

  constructor(
    private readonly terminal: Terminal,
    private readonly now: () => number = () => performance.now(),
  ) {}

  /** @param fraction of the trace that has been read, from 0 to 1. */
  show(fraction: number, tally: ReplayTally): void {
    if (this.terminal.isTTY !== true || this.now() - this.drawnMs < INTERVAL_MS) return;
    this.drawnMs = this.now();
    this.terminal.write(CLEAR_LINE + progressLine(fraction, tally).slice(0, (this.terminal.columns ?? 80) - 1));
  }

  clear(): void {
    if (this.terminal.isTTY === true) this.terminal.write(CLEAR_LINE);
  }
}

function progressLine(fraction: number, tally: ReplayTally): string {
  const filled = Math.round(Math.min(1, Math.max(0, fraction)) * BAR_WIDTH);
  const bar = '#'.repeat(filled) + '.'.repeat(BAR_WIDTH - filled);
  const percent = String(Math.floor(fraction * 100)).padStart(3);
  return `[${bar}] ${percent}%  admitted ${tally.admitted}  denied ${tally.denied}  ${formatUsd(tally.costNano)} USD`;
}
