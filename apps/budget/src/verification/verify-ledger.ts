import { Inject, Injectable, Logger } from '@nestjs/common';
import { Database, type Tx } from '@houston/common/db/database.js';
import { formatUsd } from '@houston/common/domain/money.js';
import { Duty } from '@houston/common/duties/duty.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { verifyChain } from '@houston/common/events/verify-chain.js';
import { verifyCounters } from '@houston/common/ledger/verify-counters.js';
import { forEachOrganization } from '../organizations.js';

const LOOK_MS = 10 * 60_000;
/** Any number that no other advisory lock of two keys uses first. */
const VERIFIER_LOCK = 4_871_004;
/** UTC. */
const NIGHT_HOUR = 3;

/**
 * Proves the ledger once a night: every counter is the sum of its entries, and no event was rewritten. The verdict is
 * an event itself, which is also how everybody knows that tonight's proof has been done.
 */
@Injectable()
export class VerifyLedger extends Duty {
  readonly name = 'verify-ledger';
  readonly interval = { busyMs: LOOK_MS, idleMs: LOOK_MS };
  private readonly log = new Logger('ledger');

  constructor(@Inject(Database) private readonly db: Database) {
    super();
  }

  /** @param now decides which night it is */
  async runOnce(now = new Date()): Promise<{ verified: number; faulty: number }> {
    const counts = { verified: 0, faulty: 0 };
    await forEachOrganization(this.db, async (organizationId) => {
      const verdict = await this.db.inOrganization(organizationId, (tx) => verifyOncePerNight(tx, lastNight(now)));
      if (verdict === null) return;
      if (verdict.ok) counts.verified += 1;
      else counts.faulty += 1;
      if (!verdict.ok) this.log.error({ msg: 'the ledger is not what it should be', organizationId, ...verdict.data });
    });
    return counts;
  }
}

interface Verdict {
  ok: boolean;
  data: Record<string, unknown>;
}

/** Null when it was done since `since`, or is being done by another process. */
async function verifyOncePerNight(tx: Tx, since: Date): Promise<Verdict | null> {
  const [state] = await tx.query<{ taken: boolean; done: boolean }>(
    `select pg_try_advisory_xact_lock($1, hashtext($2::text)) as taken,
            exists (select 1 from events where organization_id = $2::uuid and workspace_id is null
                       and type in ('ledger.verified', 'ledger.fault_found') and time >= $3) as done`,
    [VERIFIER_LOCK, tx.organizationId, since.toISOString()],
  );
  if (!state?.taken || state.done) return null;
  const verdict = await verify(tx);
  await appendEvent(tx, {
    type: verdict.ok ? 'ledger.verified' : 'ledger.fault_found',
    actor: 'system',
    subject: `ledger:${tx.organizationId}`,
    data: verdict.data,
    workspaceId: null,
  });
  return verdict;
}

async function verify(tx: Tx): Promise<Verdict> {
  const counters = await verifyCounters(tx);
  const chain = await verifyChain(tx);
  const { firstFault } = counters;
  const counterFault = firstFault && {
    ...firstFault,
    windowStart: firstFault.windowStart.toISOString(),
    expected: formatUsd(firstFault.expected),
    actual: formatUsd(firstFault.actual),
  };
  return {
    ok: counters.ok && chain.ok,
    data: {
      counters: { ok: counters.ok, checked: counters.checked, ...(counterFault ? { firstFault: counterFault } : {}) },
      chain: {
        ok: chain.ok,
        checked: chain.checked,
        lastHash: chain.lastHash,
        ...(chain.firstFault ? { firstFault: chain.firstFault } : {}),
      },
    },
  };
}

/** When the present night began: the last time that it was three o'clock. */
function lastNight(now: Date): Date {
  const night = new Date(Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate(), NIGHT_HOUR));
  return night <= now ? night : new Date(night.getTime() - 86_400_000);
}
