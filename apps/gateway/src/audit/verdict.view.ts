import { formatUsd } from '@houston/common/domain/money.js';
import type { CounterVerdict } from '@houston/common/ledger/verify-counters.js';
import type { CountersVerdictView } from './verdict.dto.js';

export function countersVerdictView({ ok, checked, firstFault }: CounterVerdict): CountersVerdictView {
  if (!firstFault) return { ok, checked };
  const { windowStart, expected, actual, ...fault } = firstFault;
  return {
    ok,
    checked,
    firstFault: {
      ...fault,
      windowStart: windowStart.toISOString(),
      expected: formatUsd(expected),
      actual: formatUsd(actual),
    },
  };
}
