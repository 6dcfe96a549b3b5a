import { formatUsd, MAX_LIMIT_NANO, NanoUsd, parseUsd } from '@houston/common/domain/money.js';

export const PERIODS = ['day', 'week', 'month', 'total'] as const;

export type Period = (typeof PERIODS)[number];

/** A budget as it is proposed on the command line: "5/day". */
export interface BudgetProposal {
  limitNano: NanoUsd;
  period: Period;
}

/** Reads "5/day", "0.25/week" or "12.50" (in total). Otherwise says what is wrong. */
export function parseProposal(text: string): { ok: true; proposal: BudgetProposal } | { ok: false; problem: string } {
  const [amount = '', period = 'total', ...rest] = text.split('/');
  const known = PERIODS.find((name) => name === period.toLowerCase());
  if (known === undefined || rest.length > 0)
    return { ok: false, problem: `"${text}" is not a budget: write it as 5/day, with one of ${PERIODS.join(', ')}.` };
  const parsed = parseUsd(amount.replace(/^\$/, ''), { maxNano: MAX_LIMIT_NANO });
  return parsed.ok
    ? { ok: true, proposal: { limitNano: parsed.nano, period: known } }
    : { ok: false, problem: `The limit "${amount}" cannot be used. ${parsed.problem}` };
}

export function proposalText({ limitNano, period }: BudgetProposal): string {
  return period === 'total' ? `${formatUsd(limitNano)} USD in total` : `${formatUsd(limitNano)} USD per ${period}`;
}

/** The start of the UTC window that holds the instant, in milliseconds. Weeks start on Monday. */
export function windowStartMs(period: Period, at: Date): number {
  const [year, month, day] = [at.getUTCFullYear(), at.getUTCMonth(), at.getUTCDate()];
  switch (period) {
    case 'day':
      return Date.UTC(year, month, day);
    case 'week':
      return Date.UTC(year, month, day - ((at.getUTCDay() + 6) % 7));
    case 'month':
      return Date.UTC(year, month, 1);
    case 'total':
      return 0;
  }
}
