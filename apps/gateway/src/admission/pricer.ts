import { Inject, Injectable } from '@nestjs/common';
import {
  costOf,
  holdFor,
  type PriceSheet,
  type TokenEstimate,
  type UnitPrices,
} from '@houston/common/domain/pricing.js';
import { decideUnknownPrice } from '@houston/common/domain/unknown-price.js';
import type { Usage } from '@houston/common/domain/usage.js';
import { ceilingPrice, findPrice } from '@houston/common/prices/catalogue.js';
import { overrideKey, type Policy, type PolicyReader, PolicyStore } from './policy.store.js';

export interface PricedModel {
  workspaceId: string;
  model: string;
  /** As the agent named it, or null: then the provider that the model's name belongs to. */
  provider: string | null;
}

/** Where a price came from; kept with every execution. */
export interface Provenance {
  source: 'catalogue' | 'workspace' | 'ceiling' | 'stated' | 'unknown';
  catalogueVersion?: string;
  provider?: string;
  model?: string;
  unitPrices?: UnitPrices;
}

export interface Price {
  provider: string;
  sheet: PriceSheet | null;
  provenance: Provenance;
}

export interface Priced {
  nano: bigint;
  provenance: Provenance;
}

/** Prices runs: the workspace's own price first, then the catalogue, then the workspace's policy for the unknown. */
@Injectable()
export class Pricer {
  constructor(@Inject(PolicyStore) private readonly policies: PolicyStore) {}

  price(policy: Policy, { workspaceId, model, provider }: PricedModel): Price {
    const listed = findPrice({ model, provider, at: new Date() });
    const providerName = provider ?? (listed.found ? listed.provider : 'unknown');
    const own = policy.overrides.get(overrideKey(workspaceId, providerName, model));
    if (own)
      return { provider: providerName, sheet: own, provenance: { source: 'workspace', provider: providerName, model } };
    if (!listed.found) return { provider: providerName, sheet: null, provenance: { source: 'unknown' } };
    const { catalogueVersion } = listed;
    return {
      provider: providerName,
      sheet: listed.sheet,
      provenance: { source: 'catalogue', catalogueVersion, provider: listed.provider, model: listed.model },
    };
  }

  /** What to hold for an estimate, or null where the workspace's policy denies a run of unknown price. */
  async hold(
    price: Price,
    estimate: TokenEstimate,
    policy: Policy,
    workspaceId: string,
    enforced: boolean,
  ): Promise<Priced | null> {
    const known =
      price.sheet === null ? await this.unknown(policy, workspaceId, enforced) : { ...price, sheet: price.sheet };
    if (known === null) return null;
    if (known.sheet === null) return { nano: 0n, provenance: known.provenance };
    const { costNano, unitPrices } = holdFor(known.sheet, estimate);
    return { nano: costNano, provenance: { ...known.provenance, unitPrices } };
  }

  /** What a usage costs; a run that was let in without a price costs what it states, else the policy's ceiling or nothing. */
  async cost(caller: PolicyReader, model: PricedModel, usage: Usage): Promise<Priced> {
    const policy = await this.policies.currentFor(caller);
    const price = this.price(policy, model);
    const known = price.sheet === null ? await this.unknown(policy, model.workspaceId, false) : price;
    if (known === null || known.sheet === null) return { nano: 0n, provenance: { source: 'unknown' } };
    const { costNano, unitPrices } = costOf(known.sheet, usage);
    return { nano: costNano, provenance: { ...known.provenance, unitPrices } };
  }

  private async unknown(
    policy: Policy,
    workspaceId: string,
    enforced: boolean,
  ): Promise<{ sheet: PriceSheet | null; provenance: Provenance } | null> {
    const decision = decideUnknownPrice({
      policy: policy.settings.get(workspaceId)?.unknownPrice,
      enforced,
      ceiling: await ceilingPrice(),
    });
    switch (decision.kind) {
      case 'deny':
        return null;
      case 'ceiling':
        return { sheet: decision.sheet, provenance: { source: 'ceiling' } };
      case 'flag':
        return { sheet: null, provenance: { source: 'unknown' } };
    }
  }
}
