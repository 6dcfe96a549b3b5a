import { Injectable } from '@nestjs/common';
import type { Tx } from '@houston/common/db/database.js';
import type { CallerWorkspace } from '../http/caller.js';

/** A Slack channel that can be answered from, and the workspace that it is in. */
export interface SlackPlace {
  signingSecret: string;
  channelName: string;
  workspace: CallerWorkspace;
  /** The database's clock. */
  now: Date;
}

interface PlaceRow extends CallerWorkspace {
  signing_secret: string;
  channel_name: string;
  now: Date;
}

@Injectable()
export class SlackStore {
  /** Null: there is none, it is disabled, or it has no signing secret. */
  async place(tx: Tx, channelId: string): Promise<SlackPlace | null> {
    const [row] = await tx.query<PlaceRow>(
      `select s.signing_secret, c.name as channel_name, clock_timestamp() as now, w.id, w.slug, w.name, w.timezone, w.settings
         from channels c
         join channel_secrets s on s.workspace_id = c.workspace_id and s.channel_id = c.id
         join workspaces w on w.organization_id = c.organization_id and w.id = c.workspace_id
        where c.workspace_id = $1 and c.id = $2 and c.status = 'enabled' and s.signing_secret is not null`,
      [tx.workspaceId, channelId],
    );
    if (!row) return null;
    const { signing_secret: signingSecret, channel_name: channelName, now, ...workspace } = row;
    return { signingSecret, channelName, workspace, now };
  }
}
