import { ApiProperty } from '@nestjs/swagger';
import type { AgentRegistration } from './agent.row.js';
import type { AgentVersionRow } from './agent.store.js';
import { registrationView, RegistrationView } from './agent.view.js';

export class VersionView extends RegistrationView {
  @ApiProperty({ example: 3 })
  revision: number;

  @ApiProperty({ format: 'uuid', nullable: true, type: String, description: 'Id of its successor' })
  replacedById: string | null;

  @ApiProperty({ format: 'date-time', description: 'Since when it said so' })
  changedAt: string;
}

export function versionView({ version, snapshot, created_at }: AgentVersionRow): VersionView {
  // A snapshot is the row of its time; columns that came later are missing in it.
  const row = { ...UNKNOWN, ...snapshot };
  return {
    revision: version,
    ...registrationView(row),
    replacedById: row.replaced_by,
    changedAt: created_at.toISOString(),
  };
}

const UNKNOWN: AgentRegistration = {
  release: '1.0.0',
  description: '',
  role: '',
  level: 'specialist',
  capabilities: [],
  max_concurrent: 1,
  models: [],
  provider: null,
  cost_per_task_nano: null,
  session_key: null,
  token_profile: 'normal',
  limits: {},
  depends_on: [],
  lifecycle: 'active',
  replaced_by: null,
  enabled: true,
  availability: null,
  timezone: 'UTC',
  breaker: {},
  metadata: {},
};
