import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import { PriceOverrideEntity } from '@houston/common/db/entities/price-override.entity.js';

export type NewPrice = Omit<PriceOverrideEntity, 'organizationId' | 'workspaceId' | 'createdAt' | 'updatedAt'>;

export interface PriceFilter {
  /** A part of the model's name. */
  model?: string;
  provider?: string;
}

/** A workspace's own prices; names are in lower case. The transaction speaks for the workspace. */
@Injectable()
export class PriceStore {
  /** In order of provider and model. */
  list(tx: Tx, { model, provider }: PriceFilter): Promise<PriceOverrideEntity[]> {
    const query = tx.manager.createQueryBuilder(PriceOverrideEntity, 'p');
    if (provider !== undefined) query.andWhere('p.provider = lower(:provider)', { provider });
    if (model !== undefined) query.andWhere('position(lower(:model) in p.model) > 0', { model });
    return query.orderBy('p.provider').addOrderBy('p.model').getMany();
  }

  async set(tx: Tx, price: NewPrice): Promise<PriceOverrideEntity> {
    const own = { organizationId: tx.organizationId, workspaceId: tx.workspaceId! };
    await tx.manager.upsert(PriceOverrideEntity, { ...own, ...price, updatedAt: () => 'now()' }, [
      ...['workspaceId', 'provider', 'model'],
    ]);
    const { provider, model } = price;
    return tx.manager.findOneByOrFail(PriceOverrideEntity, { workspaceId: own.workspaceId, provider, model });
  }

  /** @returns false when there was none */
  async remove(tx: Tx, provider: string, model: string): Promise<boolean> {
    const { affected } = await tx.manager.delete(PriceOverrideEntity, {
      workspaceId: tx.workspaceId!,
      provider,
      model,
    });
    return affected === 1;
  }
}
