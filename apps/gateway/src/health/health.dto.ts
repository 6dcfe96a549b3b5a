import { ApiProperty } from '@nestjs/swagger';

export class LiveView {
  @ApiProperty({ example: 'ok' })
  status: 'ok';
}

export class PartView {
  @ApiProperty({ example: true })
  ok: boolean;

  @ApiProperty({ required: false, example: 'no sign of life for 15 s', description: 'What is wrong with it' })
  fault?: string;
}

export class ReadyView {
  @ApiProperty({ enum: ['ready', 'not_ready'] })
  status: 'ready' | 'not_ready';

  @ApiProperty({
    type: 'object',
    additionalProperties: { $ref: '#/components/schemas/PartView' },
    example: {
      database: { ok: true },
      queues: { ok: true },
      budget: { ok: true },
      scheduler: { ok: true },
      notifier: { ok: false, fault: 'no sign of life for 15 s' },
    },
  })
  parts: Record<string, PartView>;
}
