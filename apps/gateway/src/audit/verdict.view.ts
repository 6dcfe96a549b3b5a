import { formatUsd } from '@houston/common/domain/money.js';
import type { ChainVerdict } from '@houston/common/events/verify-chain.js';
import type { CounterVerdict } from '@houston/common/ledger/verify-counters.js';
import type { ChainVerdictView, CountersVerdictView } from './verdict.dto.js';

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

export function chainVerdictView({ ok, checked, unsealed, lastHash, firstFault }: ChainVerdict): ChainVerdictView {
  const view = { ok, checked, unsealed, lastHash };
  if (!firstFault) return view;
  const seq = Number(firstFault.seq);
  return { ...view, firstFault: { ...firstFault, seq: Number.isSafeInteger(seq) ? seq : firstFault.seq } };
}
