import { ApiProperty } from '@nestjs/swagger';
import type { PriceOverrideEntity } from '@houston/common/db/entities/price-override.entity.js';
import { formatUsd } from '@houston/common/domain/money.js';
import type { PriceSheet, TokenPrice } from '@houston/common/domain/pricing.js';
import type { CataloguePrice } from '@houston/common/prices/catalogue.js';

export const PRICE_SOURCES = ['workspace', 'catalogue'] as const;

class UnitPricesView {
  @ApiProperty({ example: '2.5', description: 'Per million input tokens' })
  inputPerMTokUsd: string;

  @ApiProperty({ example: '10', description: 'Per million output tokens' })
  outputPerMTokUsd: string;

  @ApiProperty({ example: '1.25', nullable: true, type: String, description: 'null: as input' })
  cacheReadPerMTokUsd: string | null;

  @ApiProperty({ example: null, nullable: true, type: String, description: 'null: as input' })
  cacheWritePerMTokUsd: string | null;

  @ApiProperty({ example: null, nullable: true, type: String, description: 'null: as output' })
  reasoningPerMTokUsd: string | null;
}

export class PriceTierView extends UnitPricesView {
  @ApiProperty({ example: 200_000, description: 'For runs with more input tokens than this' })
  aboveInputTokens: number;
}

export class PriceView extends UnitPricesView {
  @ApiProperty({ example: 'openai' })
  provider: string;

  @ApiProperty({ example: 'gpt-4o' })
  model: string;

  @ApiProperty({ example: null, nullable: true, type: String, description: 'Charged once per run' })
  requestUsd: string | null;

  @ApiProperty({ type: [PriceTierView], description: 'Prices of longer prompts, which then apply to every token' })
  tiers: PriceTierView[];

  @ApiProperty({ enum: PRICE_SOURCES, description: "The workspace's own price goes before the catalogue's" })
  source: (typeof PRICE_SOURCES)[number];

  @ApiProperty({ example: '0.1.8', nullable: true, type: String })
  catalogueVersion: string | null;

  @ApiProperty({ format: 'date-time', nullable: true, type: String, description: 'When the workspace set it' })
  updatedAt: string | null;
}

export function ownPriceView(price: PriceOverrideEntity): PriceView {
  const sheet: PriceSheet = {
    inputNanoPerMTok: price.inputNanoPerMTok,
    outputNanoPerMTok: price.outputNanoPerMTok,
    cacheReadNanoPerMTok: price.cacheReadNanoPerMTok ?? undefined,
    cacheWriteNanoPerMTok: price.cacheWriteNanoPerMTok ?? undefined,
  };
  return {
    ...{ provider: price.provider, model: price.model },
    ...unitPricesView(sheet, 0),
    ...{ requestUsd: null, tiers: [], source: 'workspace', catalogueVersion: null },
    updatedAt: price.updatedAt.toISOString(),
  };
}

export function cataloguePriceView({ provider, model, sheet, catalogueVersion }: CataloguePrice): PriceView {
  return {
    ...{ provider, model },
    ...unitPricesView(sheet, 0),
    requestUsd: sheet.requestNano === undefined ? null : formatUsd(sheet.requestNano),
    tiers: tierStarts(sheet).map((start) => ({ aboveInputTokens: start, ...unitPricesView(sheet, start + 1) })),
    ...{ source: 'catalogue', catalogueVersion, updatedAt: null },
  };
}

function unitPricesView(sheet: PriceSheet, inputTokens: number): UnitPricesView {
  const usd = (price: TokenPrice) => formatUsd(priceAt(price, inputTokens));
  const optional = (price: TokenPrice | undefined) => (price === undefined ? null : usd(price));
  return {
    inputPerMTokUsd: usd(sheet.inputNanoPerMTok),
    outputPerMTokUsd: usd(sheet.outputNanoPerMTok),
    cacheReadPerMTokUsd: optional(sheet.cacheReadNanoPerMTok),
    cacheWritePerMTokUsd: optional(sheet.cacheWriteNanoPerMTok),
    reasoningPerMTokUsd: optional(sheet.reasoningNanoPerMTok),
  };
}

function priceAt(price: TokenPrice, inputTokens: number): bigint {
  if (typeof price === 'bigint') return price;
  return price.tiers.findLast((tier) => inputTokens > tier.startTokens)?.nanoPerMTok ?? price.base;
}

function tierStarts(sheet: PriceSheet): number[] {
  const prices = Object.values(sheet).flatMap((price: TokenPrice | undefined) =>
    typeof price === 'object' ? price.tiers.map((tier) => tier.startTokens) : [],
  );
  return [...new Set(prices)].sort((a, b) => a - b);
}
