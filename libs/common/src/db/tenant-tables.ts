import { APPLICATION_ROLE } from '../config/application-role.js';

/**
 * The catalogue of tables and the wall that stands around each. The policies are generated from it, and the boot check
 * refuses a database in which a table is missing here or a wall is missing there.
 *
 * - `workspace`: a row is seen by its workspace, and by acts of the whole organization.
 * - `workspace-or-shared`: as above; rows without a workspace are shared by all workspaces of the organization.
 * - `organization`: a row is seen by every workspace of its organization.
 * - `self`: the workspaces themselves.
 * - `key`: as `workspace-or-shared`; the holder of a key sees the key's row before it is known whose it is.
 */
type Wall = 'workspace' | 'workspace-or-shared' | 'organization' | 'self' | 'key';

export const TENANT_TABLES: Readonly<Record<string, Wall>> = {
  workspaces: 'self',
  agents: 'organization',
  agent_versions: 'organization',
  agent_presence: 'organization',
  agent_sessions: 'workspace',
  agent_connect_tickets: 'workspace',
  api_keys: 'key',
  members: 'workspace',
  price_overrides: 'workspace',
  budgets: 'workspace-or-shared',
  budget_windows: 'workspace-or-shared',
  budget_alerts: 'workspace-or-shared',
  budget_raises: 'workspace-or-shared',
  executions: 'workspace',
  events: 'workspace',
  event_seals: 'organization',
  event_cursors: 'organization',
  cost_rollups: 'workspace',
  idempotency_keys: 'workspace',
  webhook_endpoints: 'workspace',
  webhook_secrets: 'workspace',
  webhook_fan_outs: 'workspace',
  deliveries: 'workspace',
  delivery_attempts: 'workspace',
  dead_letters: 'workspace',
  approvals: 'workspace',
  agent_anomalies: 'workspace',
  channels: 'workspace',
  channel_secrets: 'workspace',
  notifications: 'workspace',
  notification_items: 'workspace',
  notification_attempts: 'workspace',
  notification_preferences: 'workspace',
  unsubscribe_keys: 'organization',
  tasks: 'workspace',
  task_dependencies: 'workspace',
  task_attempts: 'workspace',
  provider_parkings: 'workspace',
  agent_parkings: 'workspace',
  schedules: 'workspace',
  schedule_ticks: 'workspace',
  inbox_counts: 'workspace',
  escalation_rules: 'workspace',
  escalation_watches: 'workspace',
  escalation_marks: 'workspace',
  escalations: 'workspace',
  message_templates: 'workspace',
  agent_messages: 'workspace',
  documents: 'workspace',
  document_versions: 'workspace',
  task_messages: 'workspace',
  subscriptions: 'workspace',
  standups: 'workspace',
  standup_clocks: 'workspace',
};

/** Tables without a wall, and why none is needed. */
export const SHARED_TABLES: Readonly<Record<string, string>> = {
  organizations: 'names and policy versions only; background duties walk over it',
  processes: 'which processes of this installation are alive',
  schema_state: 'what the migrator has applied',
  migrations: 'what the migrator has applied',
};

/** Insert-only for the application: it has no UPDATE and no DELETE on these. */
const APPEND_ONLY = new Set(['events', 'event_seals']);

// The sub-select makes the planner read the setting once per statement instead of once per row.
const ORGANIZATION = `organization_id = (select nullif(current_setting('houston.organization_id', true), '')::uuid)`;
const WORKSPACE = (column: string) =>
  `(${column} = (select nullif(current_setting('houston.workspace_id', true), '')::uuid) ` +
  `or (select current_setting('houston.whole_organization', true)) = 'on')`;
const PRESENTED = `key_hash = any (select unnest(string_to_array(current_setting('houston.presented_keys', true), ',')))`;

/** The expression that a row must satisfy to be seen behind the wall. */
function visible(wall: Wall): string {
  switch (wall) {
    case 'workspace':
      return `${ORGANIZATION} and ${WORKSPACE('workspace_id')}`;
    case 'workspace-or-shared':
      return `${ORGANIZATION} and (workspace_id is null or ${WORKSPACE('workspace_id')})`;
    case 'organization':
      return ORGANIZATION;
    case 'self':
      return `${ORGANIZATION} and ${WORKSPACE('id')}`;
    case 'key':
      return `(${ORGANIZATION} and (workspace_id is null or ${WORKSPACE('workspace_id')})) or ${PRESENTED}`;
  }
}

/** The expression that a row must satisfy to be written; events of the whole organization may come from a workspace. */
function writable(table: string, wall: Wall): string {
  if (wall === 'key') return `${ORGANIZATION} and (workspace_id is null or ${WORKSPACE('workspace_id')})`;
  if (table === 'events') return visible('workspace-or-shared');
  return visible(wall);
}

/** SQL that grants, enables, forces and (re)creates every wall. Safe to run again. */
export function wallStatements(): string[] {
  const shared = Object.keys(SHARED_TABLES)
    .filter((table) => table !== 'migrations' && table !== 'schema_state')
    .map((table) => `grant select, insert, update, delete on ${table} to ${APPLICATION_ROLE}`);
  const walls = Object.entries(TENANT_TABLES).flatMap(([table, wall]) => [
    `grant select, insert${APPEND_ONLY.has(table) ? '' : ', update, delete'} on ${table} to ${APPLICATION_ROLE}`,
    `alter table ${table} enable row level security`,
    `alter table ${table} force row level security`,
    `drop policy if exists tenant on ${table}`,
    `create policy tenant on ${table} to ${APPLICATION_ROLE} using (${visible(wall)}) with check (${writable(table, wall)})`,
  ]);
  return [
    `grant usage on schema public to ${APPLICATION_ROLE}`,
    `grant usage on all sequences in schema public to ${APPLICATION_ROLE}`,
    ...shared,
    ...walls,
  ];
}
