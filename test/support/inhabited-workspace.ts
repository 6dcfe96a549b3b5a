import type { WorkspaceScope } from '@houston/common/db/database.js';
import { v7 as newId } from 'uuid';
import { addChannel, addNotification } from '../factories/notifications.js';
import { addDelivery, addEndpoint } from '../factories/webhooks.js';
import { type ApiClient, bodyOf, type TestGateway } from './gateway.js';

export interface Inhabited extends WorkspaceScope {
  slug: string;
  key: string;
  client: ApiClient;
  /** Ids of what is in it, by the first part of the path under /api, then by parameter. */
  things: Record<string, Record<string, string>>;
}

/** A workspace with one thing of every kind that has an id, each marked with the workspace's slug. */
export async function inhabit(gateway: TestGateway, slug: string): Promise<Inhabited> {
  const { database, organizationId } = gateway.db;
  const { id: workspaceId } = await gateway.workspace(slug);
  const where = { database, organizationId, workspaceId };
  const key = await gateway.key({ role: 'owner', workspaceId });
  const client = gateway.as(key);
  const budget = { name: `of ${slug}`, limitUsd: '10', period: 'day' };
  const run = { agent: 'walled', model: 'gpt-4o', estimate: { costUsd: '0.01' }, tags: { of: slug } };
  const approval = { subject: { action: slug }, description: slug, risk: 'high' };
  const schedule = { name: slug, everySeconds: 3_600, target: { task: { title: slug } } };
  const made = async (path: string, body: object) => bodyOf<{ id: string }>(await client.post(path, body), 201).id;
  const endpoint = await addEndpoint(where, `https://example.com/${slug}`);
  const channel = await addChannel(where, { events: ['none.such'] });
  const { deliveryId } = await addDelivery(where, endpoint.id, { data: { of: slug } });
  const deadLetterId = newId();
  await database.inWorkspace(where, (tx) =>
    tx.query(
      `insert into dead_letters (organization_id, workspace_id, id, kind, delivery_id, reason, summary)
       values ($1, $2, $3, 'webhook', $4, 'attempts', $5)`,
      [organizationId, workspaceId, deadLetterId, deliveryId, JSON.stringify({ of: slug })],
    ),
  );
  const task = await made('/api/tasks', { title: slug });
  const rule = { name: slug, trigger: 'timeInStatus', threshold: 0, actions: ['notify'] };
  const ruleId = await made('/api/escalation-rules', rule);
  const { items } = bodyOf<{ items: { ruleId: string; escalationId: string }[] }>(
    await client.post(`/api/escalation-rules/evaluate/${task}`),
    200,
  );
  const things = {
    budgets: { id: await made('/api/budgets', budget) },
    executions: { id: await made('/api/executions', run) },
    approvals: { id: await made('/api/approvals', approval) },
    standups: { id: await made('/api/standups/send', {}) },
    members: { id: await made('/api/members', { email: `${slug}@example.com`, name: slug, role: 'member' }) },
    keys: { id: await made('/api/keys', { name: slug, role: 'viewer' }) },
    workspaces: { id: workspaceId },
    webhooks: { id: endpoint.id, deliveryId },
    channels: { id: channel.id },
    inbox: { id: await addNotification(where, { channelId: channel.id, channel: 'slack' }, { title: slug }) },
    'dead-letters': { id: deadLetterId },
    tasks: { id: task },
    'escalation-rules': { id: ruleId, taskId: task },
    escalations: { id: items.find((item) => item.ruleId === ruleId)!.escalationId },
    schedules: { id: await made('/api/schedules', schedule) },
    documents: { id: await made('/api/documents', { type: 'note', title: slug, body: slug }) },
    'message-templates': { id: await made('/api/message-templates', { name: slug, body: slug }) },
  };
  return { organizationId, workspaceId, slug, key, client, things };
}
