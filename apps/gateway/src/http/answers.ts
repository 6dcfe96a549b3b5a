import { applyDecorators } from '@nestjs/common';
import { ApiExtraModels, ApiHeader, ApiProperty, ApiResponse } from '@nestjs/swagger';
import { PROBLEMS, type ProblemCode, problemType } from './problem.js';

export class FaultView {
  @ApiProperty({ example: 'limitUsd' })
  path: string;

  @ApiProperty({ example: 'Use a decimal string such as "12.50".' })
  message: string;
}

/** RFC 9457. */
export class ProblemView {
  @ApiProperty({ example: 'urn:houston:problem:invalid_values' })
  type: string;

  @ApiProperty()
  title: string;

  @ApiProperty({ example: 422 })
  status: number;

  @ApiProperty()
  detail: string;

  @ApiProperty({ example: '/api/budgets' })
  instance: string;

  @ApiProperty({ enum: Object.keys(PROBLEMS), description: 'Stable; programs decide by it' })
  code: string;

  @ApiProperty({ type: [FaultView], required: false })
  errors?: FaultView[];

  @ApiProperty()
  requestId: string;
}

/** Documents the problems a route can answer with, one example each; those of every route are added by itself. */
export function Problems(...codes: ProblemCode[]): MethodDecorator & ClassDecorator {
  const all: ProblemCode[] = [
    ...codes,
    'malformed_request',
    'unauthenticated',
    'forbidden',
    'invalid_values',
    'unavailable',
  ];
  const byStatus = new Map<number, ProblemCode[]>();
  for (const code of new Set(all)) {
    const { status } = PROBLEMS[code];
    byStatus.set(status, [...(byStatus.get(status) ?? []), code]);
  }
  return applyDecorators(
    ApiExtraModels(ProblemView),
    ...[...byStatus].map(([status, named]) =>
      ApiResponse({
        status,
        description: named.map((code) => `\`${code}\`: ${PROBLEMS[code].title}`).join('. '),
        content: {
          'application/problem+json': {
            schema: { $ref: '#/components/schemas/ProblemView' },
            examples: Object.fromEntries(named.map((code) => [code, { value: exampleOf(code) }])),
          },
        },
      }),
    ),
  );
}

function exampleOf(code: ProblemCode): Record<string, unknown> {
  return {
    type: problemType(code),
    title: PROBLEMS[code].title,
    status: PROBLEMS[code].status,
    detail: PROBLEMS[code].title,
    instance: '/api/...',
    code,
    requestId: 'req-1',
  };
}

/** Headers that every POST takes. */
export const TakesIdempotencyKey = () =>
  ApiHeader({
    name: 'Idempotency-Key',
    required: false,
    description: 'Up to 255 characters; the first success is kept for 24 hours and given again',
  });
