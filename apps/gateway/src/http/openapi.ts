import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { DocumentBuilder, type OpenAPIObject, SwaggerModule } from '@nestjs/swagger';

const METHODS = ['get', 'post', 'put', 'patch', 'delete'] as const;

const DESCRIPTION = `Mission control for fleets of AI agents: exact budgets, an event ledger, signed alerts.

**Keys.** Send \`Authorization: Bearer hou_...\`. A key belongs to an organization and may be bound to one workspace, and
to one agent or member. A key that is bound to no workspace chooses one with \`X-Workspace\` (slug or id; default: \`default\`). Each route
says which roles may use it in \`x-roles\`.

**Money** is text in USD such as \`"0.0123"\`, with up to nine decimals and never rounded. On input numbers are accepted too.

**Times** are ISO 8601, answered in UTC. **Tokens**: \`inputTokens\` includes cached and \`outputTokens\` includes reasoning
tokens.

**Lists** answer \`{items, nextCursor}\` and take \`?limit=&cursor=\`.

**Errors** are \`application/problem+json\` (RFC 9457). Programs decide by \`code\`; \`errors\` names each faulty field; \`requestId\`
is the \`X-Request-Id\` of the answer. 402 and 423 are verdicts of a budget and not worth an immediate retry; 503 means that
nothing was decided, with \`Retry-After\`.

**Idempotency.** Every POST takes an \`Idempotency-Key\` (1 to 255 characters), kept for 24 hours: the first success is given
again with \`Idempotent-Replayed: true\`; a refusal is not kept. The same key with another body is 422, and 409 while the
first request still runs.

**Conflicts.** What two people can edit answers with an \`ETag\`; send it as \`If-Match\` and a change made meanwhile is 412.`;

/** The groups of routes, in the order in which a newcomer meets them. */
const GROUPS: readonly (readonly [string, string])[] = [
  ['executions', 'Runs of agents: ask before spending, report, settle, release; or record what is finished.'],
  ['budgets', 'Limits over a scope and a period, and how far they are used up.'],
  ['tasks', 'Work to be done: what it needs, what it waits for, who has it and why nobody does.'],
  ['work', 'The protocol of a worker: claim, heartbeat, complete, fail, block or give back, under a fenced lease.'],
  ['approvals', 'Decisions that people or other agents are asked for, and what was decided.'],
  ['schedules', 'Tasks, workflows, stand-ups and heartbeats by cron or interval, each tick at most once.'],
  ['escalation', 'Rules about work that waits too long: whom to tell, what to do; and what came of them.'],
  ['messages', 'Direct messages to agents, acknowledged or escalated, and templates for them.'],
  ['threads', 'What is said about a task, who follows it, and everything that happened to it in one line of time.'],
  [
    'documents',
    'What was written down: deliverables, research, protocols, notes and summaries, in all their versions.',
  ],
  ['standups', 'What a workspace did within a day: previewed, sent by the clock or at once, and kept.'],
  ['activities', 'What happened on the board, newest first, with names.'],
  ['office', 'Who deals with whom: agents and what passes between them.'],
  ['dashboard', 'The state of a workspace at one look.'],
  ['costs', 'What was spent, grouped by whatever matters.'],
  ['prices', 'What models cost: the catalogue, and the workspace’s own prices.'],
  ['agents', 'Who spends. Agents belong to the organization and work in many workspaces.'],
  ['events', 'The ledger: everything that happened, listed or followed live.'],
  ['webhooks', 'Events sent to you, signed as Standard Webhooks 1.0.'],
  ['notifications', 'Who was told what, how it fared, everybody’s inbox, and how members wish to be told.'],
  ['channels', 'Slack channels and mailboxes that hear of events, and what is answered from there.'],
  ['dead letters', 'What was given up: look, replay or let be.'],
  ['audit', 'Proof that the ledger is unbroken and every counter right.'],
  ['workspaces', 'Walls within the organization.'],
  ['members', 'The people of a workspace, and the role each has in it.'],
  ['keys', 'Who may do what, and where.'],
  ['health', 'For load balancers and Prometheus; without a key.'],
];

/** Swagger UI at `/docs` and the document at `/docs-json`. The document is built when somebody first asks for it. */
export function mountOpenApi(app: NestFastifyApplication): void {
  SwaggerModule.setup('docs', app, () => openApiDocument(app), {
    jsonDocumentUrl: 'docs-json',
    raw: ['json'],
    customSiteTitle: 'Houston API',
    swaggerOptions: {
      // Otherwise the page shows the document to a validator on the internet.
      validatorUrl: 'none',
      persistAuthorization: true,
      displayRequestDuration: true,
      docExpansion: 'none',
    },
  });
}

export function openApiDocument(app: NestFastifyApplication): OpenAPIObject {
  const builder = new DocumentBuilder()
    .setTitle('Houston')
    .setDescription(DESCRIPTION)
    .setVersion('0.1.0')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({
      ...{ type: 'http', scheme: 'bearer', bearerFormat: 'hou_<id>_<secret>' },
      description: 'A key of Houston: hou_...',
    });
  for (const [name, description] of GROUPS) builder.addTag(name, description);
  const document = SwaggerModule.createDocument(app, builder.build());
  for (const [path, item] of Object.entries(document.paths)) {
    for (const method of METHODS) {
      if (path.startsWith('/api/')) item[method]?.parameters?.push(WORKSPACE_HEADER);
    }
  }
  return document;
}

const WORKSPACE_HEADER = {
  name: 'X-Workspace',
  in: 'header' as const,
  required: false,
  description: 'Slug or id of the workspace to speak in, for keys that are bound to none',
  schema: { type: 'string' as const, default: 'default' },
};
