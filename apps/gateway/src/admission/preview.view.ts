import { formatUsd } from '@houston/common/domain/money.js';
import type { BudgetRoom } from './admission.store.js';

/** The answer to a dry run. */
export interface PreviewView {
  dryRun: true;
  status: 'admitted' | 'denied';
  code?: 'budget_exceeded' | 'budget_frozen';
  heldUsd: string;
  budgets: { id: string; name: string; mode: string; availableUsd: string; admits: boolean }[];
}

export function previewView({ heldNano, room }: { heldNano: bigint; room: BudgetRoom[] }): PreviewView {
  const budgets = room.map(({ id, name, mode, frozen, availableNano }) => ({
    id,
    name,
    mode,
    availableUsd: formatUsd(availableNano),
    admits: !frozen && (mode === 'observe' || availableNano >= heldNano),
  }));
  const heldUsd = formatUsd(heldNano);
  if (budgets.every((budget) => budget.admits)) return { dryRun: true, status: 'admitted', heldUsd, budgets };
  const code = room.some((budget) => budget.frozen) ? 'budget_frozen' : 'budget_exceeded';
  return { dryRun: true, status: 'denied', code, heldUsd, budgets };
}
