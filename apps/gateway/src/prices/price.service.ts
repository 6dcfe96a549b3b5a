import { Inject, Injectable } from '@nestjs/common';
import { Database } from '@houston/common/db/database.js';
import type { PriceOverrideEntity } from '@houston/common/db/entities/price-override.entity.js';
import { formatUsd } from '@houston/common/domain/money.js';
import { appendEvent } from '@houston/common/events/event-log.js';
import { listPrices } from '@houston/common/prices/catalogue.js';
import type { Caller } from '../http/caller.js';
import { notFound } from '../http/problem.js';
import type { SetPriceDto } from './price.dto.js';
import { type PriceFilter, PriceStore } from './price.store.js';
import { cataloguePriceView, ownPriceView, PRICE_SOURCES, type PriceView } from './price.view.js';

/** Where a list stands: source, provider and model of a row. */
export type PricePosition = readonly [source: string, provider: string, model: string];

/** What models cost in a workspace. */
@Injectable()
export class PriceService {
  constructor(
    @Inject(Database) private readonly db: Database,
    @Inject(PriceStore) private readonly store: PriceStore,
  ) {}

  /** The workspace's own prices, then those of the catalogue that they do not replace; `limit + 1` rows at the most. */
  async list(caller: Caller, filter: PriceFilter, after: PricePosition | null, limit: number): Promise<PriceView[]> {
    const [own, replacing] = await this.db.inWorkspace(caller, async (tx) => {
      const all = await this.store.list(tx, {});
      const listed = Object.keys(filter).length === 0 ? all : await this.store.list(tx, filter);
      return [listed, new Set(all.map(keyOf))];
    });
    const [workspace] = PRICE_SOURCES;
    const inOwn = after === null || after[0] === workspace;
    const rows = own
      .filter((price) => inOwn && (after === null || comesAfter(price, after)))
      .slice(0, limit + 1)
      .map(ownPriceView);
    let last = inOwn ? undefined : { provider: after[1], model: after[2] };
    while (rows.length <= limit) {
      const listed = await listPrices({ ...filter, at: new Date(), limit, after: last });
      rows.push(...listed.filter((price) => !replacing.has(keyOf(price))).map(cataloguePriceView));
      last = listed.at(-1);
      if (listed.length < limit) break;
    }
    return rows.slice(0, limit + 1);
  }

  set(caller: Caller, provider: string, model: string, body: SetPriceDto): Promise<PriceOverrideEntity> {
    return this.db.inWorkspace(caller, async (tx) => {
      const price = await this.store.set(tx, {
        ...{ provider, model },
        inputNanoPerMTok: body.inputPerMTokUsd,
        outputNanoPerMTok: body.outputPerMTokUsd,
        cacheReadNanoPerMTok: body.cacheReadPerMTokUsd ?? null,
        cacheWriteNanoPerMTok: body.cacheWritePerMTokUsd ?? null,
      });
      const amounts = Object.entries(body).filter((entry): entry is [string, bigint] => typeof entry[1] === 'bigint');
      await appendEvent(tx, {
        ...{ type: 'price.set', actor: caller.actor, subject: `price:${provider}/${model}` },
        data: { provider, model, ...Object.fromEntries(amounts.map(([name, nano]) => [name, formatUsd(nano)])) },
      });
      return price;
    });
  }

  /** @throws Problem not_found */
  remove(caller: Caller, provider: string, model: string): Promise<void> {
    return this.db.inWorkspace(caller, async (tx) => {
      if (!(await this.store.remove(tx, provider, model))) throw notFound();
      await appendEvent(tx, {
        ...{ type: 'price.removed', actor: caller.actor, subject: `price:${provider}/${model}` },
        data: { provider, model },
      });
    });
  }
}

function keyOf({ provider, model }: { provider: string; model: string }): string {
  return `${provider} ${model}`.toLowerCase();
}

function comesAfter(price: PriceOverrideEntity, [, provider, model]: PricePosition): boolean {
  return price.provider === provider ? price.model > model : price.provider > provider;
}
