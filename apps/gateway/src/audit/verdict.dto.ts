import { ApiProperty } from '@nestjs/swagger';

class CounterFaultView {
  @ApiProperty({ format: 'uuid' })
  budgetId: string;

  @ApiProperty({ example: '2026-11-01T00:00:00.000Z' })
  windowStart: string;

  @ApiProperty({ enum: ['held', 'spent', 'overage', 'unreserved', 'heldByLiveExecutions'] })
  counter: string;

  @ApiProperty({ example: '12.5', description: 'USD, from the entries of the ledger' })
  expected: string;

  @ApiProperty({ example: '12.4', description: 'USD, what the counter says' })
  actual: string;
}

export class CountersVerdictView {
  @ApiProperty({ example: true })
  ok: boolean;

  @ApiProperty({ example: 40, description: 'Counters compared' })
  checked: number;

  @ApiProperty({ type: CounterFaultView, required: false, description: 'The first counter that is wrong' })
  firstFault?: CounterFaultView;
}

class ChainFaultView {
  @ApiProperty({ example: 4711, description: 'The first event that is not what was sealed' })
  seq: number | string;

  @ApiProperty({ enum: ['changed', 'removed', 'inserted', 'reordered', 'seal'] })
  reason: string;
}

export class ChainVerdictView {
  @ApiProperty({ example: true })
  ok: boolean;

  @ApiProperty({ example: 120_000, description: 'Events compared with their seals' })
  checked: number;

  @ApiProperty({ example: 12, description: 'Events after the last seal; they are sealed within seconds' })
  unsealed: number;

  @ApiProperty({
    example: '9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08',
    description: 'Keep a copy: it tells later whether anything before it was rewritten',
  })
  lastHash: string;

  @ApiProperty({ type: ChainFaultView, required: false })
  firstFault?: ChainFaultView;
}
