import { type ApiClient, bodyOf } from '../support/gateway.js';

export interface ApprovalJson {
  id: string;
  status: string;
  policy: string;
  payloadDigest: string;
  approvedDigest: string | null;
  assignees: object[];
  decision: string | null;
  resolvedBy: string | null;
  escalatedAt: string | null;
  [field: string]: unknown;
}

/** A request that waits for admins and owners, unless the fields say otherwise. */
export async function requestApproval(client: ApiClient, fields: Record<string, unknown> = {}): Promise<ApprovalJson> {
  const body = { subject: { action: 'send_email' }, description: 'Send it', risk: 'medium', ...fields };
  return bodyOf<ApprovalJson>(await client.post('/api/approvals', body), 201);
}
