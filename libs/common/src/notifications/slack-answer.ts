/** What a button in a Slack message stands for. The ids say where to look, and nothing about who may. */
export interface SlackButton {
  organizationId: string;
  workspaceId: string;
  channelId: string;
  approvalId: string;
}

const ID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

export const SLACK_APPROVE = 'houston_approve';
export const SLACK_REJECT = 'houston_reject';

export function buttonValue({ organizationId, workspaceId, channelId, approvalId }: SlackButton): string {
  return [organizationId, workspaceId, channelId, approvalId].join(' ');
}

/** Null when it is none of ours. */
export function readButtonValue(value: string): SlackButton | null {
  const parts = value.split(' ');
  const [organizationId = '', workspaceId = '', channelId = '', approvalId = ''] = parts;
  if (parts.length !== 4 || !parts.every((part) => ID.test(part))) return null;
  return { organizationId, workspaceId, channelId, approvalId };
}
