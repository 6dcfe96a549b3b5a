import type { MemberRole } from '@houston/common/auth/roles.js';

/** A person in a workspace, as stored. */
export interface MemberRow {
  id: string;
  workspace_id: string;
  email: string;
  name: string;
  role: MemberRole;
  status: 'invited' | 'active';
  invitation_expires_at: Date | null;
  version: number;
  created_by: string;
  created_at: Date;
  updated_at: Date;
  /** Creation in microseconds, for the cursor. */
  sort_key: string;
}
