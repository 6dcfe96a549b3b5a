import { ApiProperty, ApiPropertyOptional } from '@nestjs/swagger';

/** Whoever said or wrote something, with the name as it was then. Exactly one of the ids is there. */
export class Author {
  @ApiPropertyOptional({ format: 'uuid', description: 'An agent' })
  agent?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'A member of the workspace' })
  member?: string;

  @ApiPropertyOptional({ format: 'uuid', description: 'A key that belongs to neither' })
  key?: string;

  @ApiProperty({ example: 'researcher' })
  name: string;
}

/** Somebody who can be told: in `recipients` of events. */
export type Recipient = { agent: string } | { member: string } | { role: 'owner' | 'admin' | 'member' };

/** As a recipient; null for a key that belongs to nobody. */
export function recipientOf({ agent, member }: Author): Recipient | null {
  if (agent !== undefined) return { agent };
  return member === undefined ? null : { member };
}

const MAX_EXCERPT = 1_000;

/** As much of a text as travels with an event. */
export function excerpt(text: string): string {
  return text.length <= MAX_EXCERPT
    ? text
    : `${text
        .slice(0, MAX_EXCERPT)
        .toWellFormed()
        .replace(/\uFFFD$/, '')}…`;
}
