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

  @ApiProperty({ example: 'changed' })
  reason: string;
}

export class ChainVerdictView {
  @ApiProperty({ example: true })
  ok: boolean;

  @ApiProperty({ example: 120_000, description: 'Events checked' })
  checked: number;

  @ApiProperty({ type: ChainFaultView, required: false })
  firstFault?: ChainFaultView;
}
